// Weights packed for one instruction set, as the Python module holds them.
#pragma once

#include <nanobind/stl/string.h>

#include <memory>

#include "arguments.hpp"
#include "dispatch.hpp"

namespace gruvy {

inline const Isa &chosen(const std::string &name) {
    try {
        return isa_named(name);
    } catch (const std::invalid_argument &e) {
        throw InputError("isa '" + name + "': " + e.what());
    }
}

inline int checked_threads(int threads) {
    if (threads < 1)
        throw InputError("threads: " + std::to_string(threads) + ", expected a whole number of at least 1");
    return threads;
}

// Weights in the order in which one instruction set's kernels read them.
class Packed {
  public:
    Packed(nb::handle W, nb::handle U, nb::handle b, nb::handle c, bool after, bool keeps, const std::string &name)
        : isa(chosen(name)), convention{after, keeps} {
        Parameters w(W, U, b, c, after, keeps);
        shape = w.shape(1, 1);
        kind = w.W.kind();
        by_type(w.W, [&](auto zero) {
            using T = decltype(zero);
            const Kernels<T> &k = kernels<T>(isa);
            Weights<T> weights = w.get<T>();
            take(k.packed_size(shape, convention) * sizeof(T));
            k.pack(weights, shape, convention, reinterpret_cast<T *>(block.get()));
        });
    }
    // W and U in a format, with a scale for each row where they are int8; biases in float32.
    Packed(nb::handle W_, nb::handle U_, nb::handle row_W, nb::handle row_U, nb::handle b_, nb::handle c_, bool after,
           bool keeps, const std::string &format, const std::string &name)
        : isa(chosen(name)), convention{after, keeps}, kind(Kind::float32) {
        const int which = place("format", format, {"float16", "bfloat16", "int8"});
        const bool scaled = Format(which) == Format::int8;
        Array W("W", W_, false), U("U", U_, false), scale_W("scale_W", row_W, false), scale_U("scale_U", row_U, false);
        Array b("b", b_, false), c("c", c_, false);
        expect_axes(W, 2, "(3H, I)"), expect_axes(U, 2, "(3H, H)");
        const Index I = W.size(1), H = U.size(1);
        shape = {1, 1, I, H};
        for (const Array *a : {&W, &U}) a->expect(scaled ? Kind::int8 : Kind::uint16), a->expect_dense();
        W.expect("(3H, I)", {3 * H, I}), U.expect("(3H, H)", {3 * H, H});
        for (const Array *a : {&scale_W, &scale_U}) expect_numbers<float>(*a, "(3H,)", {3 * H}, 0, scaled);
        expect_numbers<float>(b, "(3H,)", {3 * H}, 0, false);
        if (c && !after) throw InputError("c: expected None, since the reset gate acts before the product");
        expect_numbers<float>(c, "(H,)", {H}, 0, false);
        held = &isa.held[which];
        take(held->packed_size(shape, convention));
        held->pack({W.at<const void>(), U.at<const void>(), scale_W.at<const float>(), scale_U.at<const float>(),
                    b.at<const float>(), c.at<const float>()},
                   shape, convention, block.get());
    }
    template <class T> void forward(const ForwardArgs<T> &a) const {
        if constexpr (sizeof(T) == sizeof(float))
            if (held) return held->forward(a);
        kernels<T>(isa).forward(a);
    }
    template <class T> const T *get() const { return reinterpret_cast<const T *>(block.get()); }

    const Isa &isa;
    Convention convention;
    Shape shape;
    Kind kind;
    std::size_t bytes = 0;

  private:
    void take(std::size_t size) {
        bytes = size;
        block.reset(static_cast<char *>(::operator new(bytes, std::align_val_t(64))));
    }
    struct Free {
        void operator()(char *p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::unique_ptr<char, Free> block;
    const HeldKernels *held = nullptr;  // where the weights are held in a format
};

}  // namespace gruvy
