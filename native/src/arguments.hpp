// What the functions of the Python module have in common: checked arguments, and the way out of the interpreter's lock.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "arrays.hpp"

namespace gruvy {

// Lets other Python threads run, while it lives. A thread that comes back while the interpreter ends would be ended by
// it in the middle of C++ functions, which aborts the process: from close() on such a thread waits for the end instead.
class Released {
  public:
    Released() : state(PyEval_SaveThread()) {}
    ~Released() {
        returning++;
        if (closing && std::this_thread::get_id() != closer) {
            returning--;
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
        PyEval_RestoreThread(state);
        returning--;
    }
    Released(const Released &) = delete;
    Released &operator=(const Released &) = delete;

    // Before the interpreter ends: waits for who is on the way back.
    static void close() {
        closer = std::this_thread::get_id();  // which lives to the end
        closing = true;
        nb::gil_scoped_release release;
        while (returning) std::this_thread::yield();
    }

  private:
    PyThreadState *state;
    static inline std::thread::id closer;
    static inline std::atomic<bool> closing{false};
    static inline std::atomic<int> returning{0};
};

template <class T> constexpr Kind kind_for = sizeof(T) == 4 ? Kind::float32 : Kind::float64;

// Calls f with a float or a double, as the array's numbers are.
template <class F> void by_type(const Array &a, F f) {
    if (a.kind() == Kind::float32) return f(float());
    if (a.kind() == Kind::float64) return f(double());
    throw InputTypeError(std::string(a.name) + ": dtype " + kind_name(a.kind()) + ", expected float32 or float64");
}

// Where a word stands among those that may come.
inline int place(const char *name, const std::string &word, std::initializer_list<const char *> words) {
    int at = 0;
    std::string all;
    for (const char *each : words) {
        if (word == each) return at;
        all += (!at ? "" : at + 1 == int(words.size()) ? " or " : ", ") + std::string(each), at++;
    }
    throw InputError(std::string(name) + ": '" + word + "', expected " + all);
}

inline void expect_axes(const Array &a, int axes, const char *letters) {
    if (!a || a.dimensions() != axes) {
        throw InputError(std::string(a.name) + ": " + (a ? std::to_string(a.dimensions()) + " axes" : "None") +
                         ", expected " + letters);
    }
}

// Numbers of type T in this shape, dense from an axis on. Missing is allowed unless needed.
template <class T>
void expect_numbers(const Array &a, const char *letters, std::initializer_list<Index> shape, int dense_from,
                    bool needed = true) {
    if (!a && needed) throw InputTypeError(std::string(a.name) + ": None, expected an array " + letters);
    a.expect(kind_for<T>);
    a.expect(letters, shape);
    a.expect_dense(dense_from);
}

// Which steps count, as it was when the call began: every thread asks again and again, and all must hear the same while
// other Python threads may write into the arrays.
struct Flags {
    Array lengths, mask, restarts;
    bool reverse;
    std::vector<std::int64_t> own_lengths;
    std::vector<std::uint8_t> own_mask, own_restarts;

    Flags(nb::handle l, nb::handle m, nb::handle r, bool rev)
        : lengths("lengths", l, false), mask("mask", m, false), restarts("restarts", r, false), reverse(rev) {}

    // Points into this object. The mask is copied: ask last, when the other shapes are known to fit.
    Steps steps(Index T, Index B) {
        lengths.expect(Kind::int64), lengths.expect("(B,)", {B}), lengths.expect_dense();
        mask.expect(Kind::boolean), mask.expect("(T, B)", {T, B});
        restarts.expect(Kind::boolean), restarts.expect("(T, B)", {T, B});
        Steps s;
        s.reverse = reverse;
        if (lengths) {
            const auto *p = lengths.at<const std::int64_t>();
            own_lengths.assign(p, p + B);
            own_lengths.push_back(0);  // there, if empty
            s.lengths = own_lengths.data();
        }
        for (Index b = 0; lengths && b < B; b++) {
            if (Index n = own_lengths[b]; n < 0 || n > T) {
                throw InputError("lengths: " + std::to_string(n) + " at index " + std::to_string(b) +
                                 ", expected 0 to " + std::to_string(T));
            }
        }
        s.mask = copied(mask, own_mask, T, B), s.restarts = copied(restarts, own_restarts, T, B);
        return s;
    }

  private:
    static View<const std::uint8_t> copied(const Array &from, std::vector<std::uint8_t> &to, Index T, Index B) {
        if (!from) return {};
        const auto all = from.view<const std::uint8_t>();
        to.resize(T * B + 1);  // + 1: there, if empty
        for (Index t = 0; t < T; t++)
            for (Index b = 0; b < B; b++) to[t * B + b] = *all.at(t, b);
        return {to.data(), B, 1};
    }
};

struct Parameters {
    Array W, U, b, c;
    Convention convention;

    Parameters(nb::handle W_, nb::handle U_, nb::handle b_, nb::handle c_, bool after, bool keeps)
        : W("W", W_, false), U("U", U_, false), b("b", b_, false), c("c", c_, false), convention{after, keeps} {
        expect_axes(W, 2, "(3H, I)");
        expect_axes(U, 2, "(3H, H)");
        if (c && !after && !two())
            throw InputError("c: expected None or (3H,), since the reset gate acts before the product");
    }
    // Whether c is torch's second bias, (3H), not only the candidate's.
    bool two() const { return c && c.dimensions() == 1 && c.size(0) == 3 * U.size(1); }
    Shape shape(Index T, Index B) const { return {T, B, W.size(1), U.size(1)}; }
    template <class T> Weights<T> get() const {
        Index I = W.size(1), H = U.size(1);
        expect_numbers<T>(W, "(3H, I)", {3 * H, I}, 0);
        expect_numbers<T>(U, "(3H, H)", {3 * H, H}, 0);
        expect_numbers<T>(b, "(3H,)", {3 * H}, 0, false);
        if (two())
            expect_numbers<T>(c, "(3H,)", {3 * H}, 0);
        else
            expect_numbers<T>(c, "(H,)", {H}, 0, false);
        const T *second = c.at<const T>();
        return {W.at<const T>(), U.at<const T>(), b.at<const T>(), two() ? nullptr : second, two() ? second : nullptr};
    }
};

}  // namespace gruvy
