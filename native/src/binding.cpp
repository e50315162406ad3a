// The kernels as the Python module gruvy._core: takes arrays as they lie, checks all of it, and lets other Python
// threads run meanwhile. Every error names its argument. What engine.hpp says of the arguments holds here too.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "feed.hpp"
#include "pool.hpp"
#include "tuning.hpp"
#include "workspace.hpp"

namespace gruvy {
namespace {

template <class T> void check_forward(ForwardArgs<T> &a, const Array &x, const Array &h, const Array &y,
                                      const Array &gates, const Array &h_last) {
    Index T_ = a.shape.T, B = a.shape.B, I = a.shape.I, H = a.shape.H, G = a.convention.gates();
    expect_numbers<T>(x, "(T, B, I)", {T_, B, I}, 2);
    expect_numbers<T>(h, "(B, H)", {B, H}, 0, false);
    expect_numbers<T>(y, "(T, B, H)", {T_, B, H}, 2, false);
    expect_numbers<T>(gates, "(T, B, G, H)", {T_, B, G, H}, 2, false);
    expect_numbers<T>(h_last, "(B, H)", {B, H}, 0);
    a.x = x.view<const T>(), a.h = h.at<const T>(), a.y = y.view<T>(), a.gates = gates.view<T>();
    a.h_last = h_last.at<T>();
}

void forward(nb::handle x_, nb::handle h_, nb::handle W, nb::handle U, nb::handle b, nb::handle c, bool after,
             bool keeps, nb::handle lengths, nb::handle mask, nb::handle restarts, bool reverse, nb::handle y_,
             nb::handle gates_, nb::handle h_last_, int threads, const std::string &isa) {
    Array x("x", x_, false), h("h", h_, false), y("y", y_, true), gates("gates", gates_, true);
    Array h_last("h_last", h_last_, true);
    Flags flags(lengths, mask, restarts, reverse);
    Parameters w(W, U, b, c, after, keeps);
    expect_axes(x, 3, "(T, B, I)");
    by_type(x, [&](auto zero) {
        using T = decltype(zero);
        ForwardArgs<T> a;
        a.shape = w.shape(x.size(0), x.size(1)), a.convention = w.convention, a.weights = w.get<T>();
        a.threads = checked_threads(threads);
        check_forward(a, x, h, y, gates, h_last);
        a.steps = flags.steps(a.shape.T, a.shape.B);
        const Kernels<T> &k = kernels<T>(chosen(isa));
        Released released;
        k.forward(a);
    });
}

void packed_forward(const Packed &p, nb::handle x_, nb::handle h_, nb::handle lengths, nb::handle mask,
                    nb::handle restarts, bool reverse, nb::handle y_, nb::handle gates_, nb::handle h_last_,
                    int threads) {
    Array x("x", x_, false), h("h", h_, false), y("y", y_, true), gates("gates", gates_, true);
    Array h_last("h_last", h_last_, true);
    Flags flags(lengths, mask, restarts, reverse);
    expect_axes(x, 3, "(T, B, I)");
    x.expect(p.kind);
    by_type(x, [&](auto zero) {
        using T = decltype(zero);
        ForwardArgs<T> a;
        a.shape = {x.size(0), x.size(1), p.shape.I, p.shape.H}, a.convention = p.convention, a.packed = p.get<T>();
        a.threads = checked_threads(threads);
        check_forward(a, x, h, y, gates, h_last);
        a.steps = flags.steps(a.shape.T, a.shape.B);
        Released released;
        p.forward(a);
    });
}

// One step: the state h becomes the new state in h_last, which may be h. With one thread none is woken, and the GIL is
// kept where giving it away costs as much as the step.
void packed_step(const Packed &p, nb::handle x_, nb::handle h_, nb::handle h_last_, int threads) {
    Array x("x", x_, false), h("h", h_, false), h_last("h_last", h_last_, true);
    expect_axes(x, 2, "(B, I)");
    x.expect(p.kind);
    by_type(x, [&](auto zero) {
        using T = decltype(zero);
        ForwardArgs<T> a;
        Index B = x.size(0), I = p.shape.I, H = p.shape.H;
        a.shape = {1, B, I, H}, a.convention = p.convention, a.packed = p.get<T>();
        expect_numbers<T>(x, "(B, I)", {B, I}, 1);
        expect_numbers<T>(h, "(B, H)", {B, H}, 0);
        expect_numbers<T>(h_last, "(B, H)", {B, H}, 0);
        a.x = {x.at<const T>(), 0, x.stride(0)}, a.h = h.at<const T>(), a.h_last = h_last.at<T>();
        a.threads = checked_threads(threads);
        if (a.threads == 1 && B * H * (I + H) < tuning::locked_step) return p.forward(a);
        Released released;
        p.forward(a);
    });
}

// All of the packed weights read once, `rounds` times: what a step cannot do without.
std::uint64_t packed_read(const Packed &p, Index rounds) {
    const auto *word = reinterpret_cast<const std::uint64_t *>(p.get<char>());
    std::uint64_t sum[16] = {};
    for (Index r = 0; r < rounds; r++) {
        __asm__ volatile("" ::: "memory");  // read again
        for (std::size_t i = 0; i + 16 <= p.bytes / 8; i += 16)
            for (int k = 0; k < 16; k++) sum[k] ^= word[i + k];
    }
    for (int k = 1; k < 16; k++) sum[0] ^= sum[k];
    return sum[0];
}

void backward(nb::handle dy_, nb::handle dh_last_, nb::handle x_, nb::handle h_, nb::handle W, nb::handle U,
              nb::handle b, nb::handle c, nb::handle y_, nb::handle gates_, bool after, bool keeps, nb::handle lengths,
              nb::handle mask, nb::handle restarts, bool reverse, nb::handle dx_, nb::handle dh_, nb::handle dW_,
              nb::handle dU_, nb::handle db_, nb::handle dc_, int threads, const std::string &isa) {
    Array dy("dy", dy_, false), dh_last("dh_last", dh_last_, false), x("x", x_, false), h("h", h_, false);
    Array y("y", y_, false), gates("gates", gates_, false);
    Array dx("dx", dx_, true), dh("dh", dh_, true), dW("dW", dW_, true), dU("dU", dU_, true), db("db", db_, true);
    Array dc("dc", dc_, true);
    Flags flags(lengths, mask, restarts, reverse);
    Parameters w(W, U, b, c, after, keeps);
    expect_axes(x, 3, "(T, B, I)");
    by_type(x, [&](auto zero) {
        using T = decltype(zero);
        BackwardArgs<T> a;
        a.shape = w.shape(x.size(0), x.size(1)), a.convention = w.convention, a.weights = w.get<T>();
        a.threads = checked_threads(threads);
        Index T_ = a.shape.T, B = a.shape.B, I = a.shape.I, H = a.shape.H, G = a.convention.gates();
        expect_numbers<T>(dy, "(T, B, H)", {T_, B, H}, 2, false);
        expect_numbers<T>(dh_last, "(B, H)", {B, H}, 0, false);
        expect_numbers<T>(x, "(T, B, I)", {T_, B, I}, 2);
        expect_numbers<T>(h, "(B, H)", {B, H}, 0, false);
        expect_numbers<T>(y, "(T, B, H)", {T_, B, H}, 2);
        expect_numbers<T>(gates, "(T, B, G, H)", {T_, B, G, H}, 2);
        expect_numbers<T>(dx, "(T, B, I)", {T_, B, I}, 2, false);
        expect_numbers<T>(dh, "(B, H)", {B, H}, 0);
        expect_numbers<T>(dW, "(3H, I)", {3 * H, I}, 0);
        expect_numbers<T>(dU, "(3H, H)", {3 * H, H}, 0);
        expect_numbers<T>(db, "(3H,)", {3 * H}, 0);
        if (w.two())
            expect_numbers<T>(dc, "(3H,)", {3 * H}, 0);
        else
            expect_numbers<T>(dc, "(H,)", {H}, 0, after);
        a.dy = dy.view<const T>(), a.dh_last = dh_last.at<const T>(), a.x = x.view<const T>(), a.h = h.at<const T>();
        a.y = y.view<const T>(), a.gates = gates.view<const T>();
        a.dx = dx.view<T>(), a.dh = dh.at<T>(), a.dW = dW.at<T>(), a.dU = dU.at<T>(), a.db = db.at<T>();
        (w.two() ? a.dmore : a.dc) = dc.at<T>();
        a.steps = flags.steps(a.shape.T, a.shape.B);
        const Kernels<T> &k = kernels<T>(chosen(isa));
        Released released;
        k.backward(a);
    });
}

void readout(nb::handle h_, nb::handle V_, nb::handle b_, nb::handle out_, int threads, const std::string &isa) {
    Array h("h", h_, false), V("V", V_, false), b("b", b_, false), out("out", out_, true);
    expect_axes(h, 3, "(T, B, H)");
    expect_axes(V, 2, "(O, H)");
    by_type(h, [&](auto zero) {
        using T = decltype(zero);
        ReadoutArgs<T> a;
        Index T_ = h.size(0), B = h.size(1), H = h.size(2), O = V.size(0);
        a.T = T_, a.B = B, a.H = H, a.O = O, a.threads = checked_threads(threads);
        expect_numbers<T>(h, "(T, B, H)", {T_, B, H}, 2);
        expect_numbers<T>(V, "(O, H)", {O, H}, 0);
        expect_numbers<T>(b, "(O,)", {O}, 0, false);
        expect_numbers<T>(out, "(T, B, O)", {T_, B, O}, 2);
        a.h = h.view<const T>(), a.V = V.at<const T>(), a.b = b.at<const T>(), a.out = out.view<T>();
        const Kernels<T> &k = kernels<T>(chosen(isa));
        Released released;
        k.readout(a);
    });
}

// Of rows of numbers, in their place: a softmax of each row, or a sigmoid of each number.
void probabilities(nb::handle p_, const std::string &answers, const std::string &isa) {
    Array p("p", p_, true);
    expect_axes(p, 2, "(rows, K)");
    const int which = place("answers", answers, {"softmax", "sigmoids"});
    by_type(p, [&](auto zero) {
        using T = decltype(zero);
        const Index rows = p.size(0), K = p.size(1);
        expect_numbers<T>(p, "(rows, K)", {rows, K}, 0);
        const Kernels<T> &k = kernels<T>(chosen(isa));
        Released released;
        which ? k.sigmoids(rows * K, p.at<T>()) : k.softmax(rows, K, p.at<T>());
    });
}

}  // namespace
}  // namespace gruvy

NB_MODULE(_core, m) {
    using namespace gruvy;
    static PyObject *input_error, *input_type_error;
    nb::module_ errors = nb::module_::import_("gruvy.errors");
    input_error = nb::object(errors.attr("InputError")).release().ptr();
    input_type_error = nb::object(errors.attr("InputTypeError")).release().ptr();
    nb::register_exception_translator([](const std::exception_ptr &p, void *) {
        try {
            std::rethrow_exception(p);
        } catch (const InputError &e) {
            PyErr_SetString(input_error, e.what());
        } catch (const InputTypeError &e) {
            PyErr_SetString(input_type_error, e.what());
        }
    });
    // Named as in engine.hpp; what comes after nb::kw_only() by its name alone.
    const auto maybe = [](const char *name) { return nb::arg(name).none(); };
    using nb::arg;
    m.def("forward", &gruvy::forward, maybe("x"), maybe("h"), maybe("W"), maybe("U"), maybe("b"), maybe("c"),
          nb::kw_only(), arg("after"), arg("keeps"), maybe("lengths"), maybe("mask"), maybe("restarts"), arg("reverse"),
          maybe("y"), maybe("gates"), maybe("h_last"), arg("threads"), arg("isa"));
    m.def("backward", &gruvy::backward, maybe("dy"), maybe("dh_last"), maybe("x"), maybe("h"), maybe("W"), maybe("U"),
          maybe("b"), maybe("c"), maybe("y"), maybe("gates"), nb::kw_only(), arg("after"), arg("keeps"),
          maybe("lengths"), maybe("mask"), maybe("restarts"), arg("reverse"), maybe("dx"), maybe("dh"), maybe("dW"),
          maybe("dU"), maybe("db"), maybe("dc"), arg("threads"), arg("isa"));
    m.def("readout", &gruvy::readout, maybe("h"), maybe("V"), maybe("b"), nb::kw_only(), maybe("out"), arg("threads"),
          arg("isa"));
    m.def("probabilities", &gruvy::probabilities, maybe("p"), nb::kw_only(), arg("answers"), arg("isa"));
    m.def("isas", [] {
        nb::list all;
        for (const Isa &isa : isas()) all.append(nb::make_tuple(isa.name, isa.supported, isa.automatic, isa.what));
        return all;
    });
    nb::module_::import_("atexit").attr("register")(nb::cpp_function(&Released::close));
    m.def("peak", [](Index rounds, const std::string &isa) {
        const Kernels<float> &k = kernels<float>(chosen(isa));
        alignas(64) float out[64];
        Released released;
        return k.peak(rounds, out);
    }, arg("rounds"), arg("isa"));
    m.def("pool_size", &pool_size);
    m.def("team_size", &team_size);
    m.def("workspace_clear", &workspace_clear);
    m.def("workspace_kept", &workspace_kept);
    nb::class_<Packed> packed(m, "Packed");
    packed.def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, bool, bool, const std::string &>(), maybe("W"),
               maybe("U"), maybe("b"), maybe("c"), nb::kw_only(), arg("after"), arg("keeps"), arg("isa"));
    packed.def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, bool, bool,
                        const std::string &, const std::string &>(),
               maybe("W"), maybe("U"), maybe("scale_W"), maybe("scale_U"), maybe("b"), maybe("c"), nb::kw_only(),
               arg("after"), arg("keeps"), arg("format"), arg("isa"));
    packed.def("forward", &packed_forward, maybe("x"), maybe("h"), nb::kw_only(), maybe("lengths"), maybe("mask"),
               maybe("restarts"), arg("reverse"), maybe("y"), maybe("gates"), maybe("h_last"), arg("threads"));
    packed.def("step", &packed_step, maybe("x"), maybe("h"), maybe("h_last"), arg("threads") = 1);
    packed.def("read", &packed_read, arg("rounds"));
    using Handle = nb::handle;
    nb::class_<Feed>(m, "Feed")
        .def(nb::init<nb::list, Handle, Handle, Handle, Handle, Handle, Handle, Handle, const std::string &, Handle,
                      Handle, const std::string &>(),
             arg("cells"), maybe("hidden"), maybe("mean"), maybe("scale"), maybe("V"), maybe("b"), maybe("back_mean"),
             maybe("back_scale"), arg("pooling"), maybe("pooled"), maybe("steps"), arg("answers") = "numbers")
        .def("push", &Feed::push, maybe("x"), maybe("out"), arg("threads") = 1);
    packed.def_prop_ro("isa", [](const Packed &p) { return p.isa.name; });
    packed.def_prop_ro("bytes", [](const Packed &p) { return p.bytes; });
}
