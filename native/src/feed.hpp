// All that a stream does at a usual step, in one call: inputs scaled, every layer, pooled states, read-out, answer.
#pragma once

#include <cmath>
#include <cstring>

#include "packed.hpp"
#include "tuning.hpp"

namespace gruvy {

class Feed {
  public:
    // cells: a Packed for each layer. hidden (layers, B, H), pooled (B, H) float64 and steps (B) int64 are the stream's
    // own and stay written to. mean and scale (I) float64 of the inputs, or None. V (O, H) and b (O), or None.
    // back_mean and back_scale (O) float64 of the targets, or None. answers: "numbers", the read-out itself; "softmax"
    // of it; "two", the softmax of 0 and of a read-out of one number; or "sigmoids".
    Feed(const nb::list &cells_, nb::handle hidden_, nb::handle mean_, nb::handle scale_, nb::handle V_, nb::handle b_,
         nb::handle back_mean_, nb::handle back_scale_, const std::string &pooling_, nb::handle pooled_,
         nb::handle steps_, const std::string &answers_)
        : hidden("hidden", hidden_, true), mean("mean", mean_, false), scale("scale", scale_, false),
          back_mean("back_mean", back_mean_, false), back_scale("back_scale", back_scale_, false),
          pooled("pooled", pooled_, true), steps("steps", steps_, true) {
        answers = Answers(place("answers", answers_, {"numbers", "softmax", "two", "sigmoids"}));
        pooling = Pooling(place("pooling", pooling_, {"last", "mean", "max"}));
        for (nb::handle cell : cells_) {
            cells.push_back(nb::cast<const Packed *>(cell));
            owners.push_back(nb::borrow(cell));
        }
        const Index layers = Index(cells.size());
        if (!layers) throw InputError("cells: none, expected one for each layer");
        kind = cells[0]->kind, I = cells[0]->shape.I, H = O = cells[0]->shape.H;
        expect_axes(hidden, 3, "(layers, B, H)");
        B = hidden.size(1);
        hidden.expect(kind), hidden.expect("(layers, B, H)", {layers, B, H}), hidden.expect_dense();
        for (Index k = 0; k < layers; k++)
            if (cells[k]->kind != kind || cells[k]->shape.H != H || cells[k]->shape.I != (k ? H : I))
                throw InputError("cells: number " + std::to_string(k) + " does not fit the first");
        expect_numbers<double>(mean, "(I,)", {I}, 0, false), expect_numbers<double>(scale, "(I,)", {I}, 0, bool(mean));
        expect_numbers<double>(pooled, "(B, H)", {B, H}, 0);
        steps.expect(Kind::int64), steps.expect("(B,)", {B}), steps.expect_dense();
        with_type([&](auto zero) { take_readout(zero, V_, b_); });
        A = O + (answers == Answers::two);
        if (answers == Answers::two && O != 1)
            throw InputError("answers: 'two' of a read-out of " + std::to_string(O) + " numbers, expected 1");
        if (answers != Answers::numbers && back_mean) throw InputError("back_mean: expected None with probabilities");
        expect_numbers<double>(back_mean, "(O,)", {O}, 0, false);
        expect_numbers<double>(back_scale, "(O,)", {O}, 0, bool(back_mean));
        raw.resize(std::size_t(B * O) * sizeof(double));
        input.resize(std::size_t(B * I) * sizeof(double));
        read_from.resize(std::size_t(B * H) * sizeof(double));
    }

    // One step: x, float32 or float64, (B, I), or for B = 1 also (I) and, of one channel, (). Fills out (B, A): V h + b
    // or the pooled states; on the targets' scale, and then in float64, where there is one. 0: x is something else, or
    // a finite number leaves the range of the net's, and nothing was done; 1: done; 2: done, and x has no axis of
    // streams.
    int push(nb::handle x_, nb::handle out_, int threads) {
        if (!PyObject_CheckBuffer(x_.ptr())) return 0;
        Usual x(x_);
        const int axes = x.there ? x.view.ndim : -1;
        const bool whole = axes == 2 && x.view.shape[0] == B && x.view.shape[1] == I;
        const bool single = B == 1 && ((axes == 1 && x.view.shape[0] == I) || (axes == 0 && I == 1));
        if (!whole && !single) return 0;
        bool done = false;
        with_type([&](auto zero) { done = run(zero, x.view, out_, checked_threads(threads)); });
        return !done ? 0 : whole ? 1 : 2;
    }

  private:
    // A buffer of numbers, or nothing where Python has none to give.
    struct Usual {
        Py_buffer view = {};
        bool there;
        explicit Usual(nb::handle object)
            : there(!PyObject_GetBuffer(object.ptr(), &view, PyBUF_STRIDES | PyBUF_FORMAT)) {
            if (!there) PyErr_Clear();
        }
        ~Usual() {
            if (there) PyBuffer_Release(&view);
        }
        Usual(const Usual &) = delete;
        Usual &operator=(const Usual &) = delete;
    };

    template <class F> void with_type(F f) const {
        if (kind == Kind::float32)
            f(0.0f);
        else
            f(0.0);
    }

    template <class T> void take_readout(T, nb::handle V_, nb::handle b_) {
        Array V("V", V_, false), b("b", b_, false);
        if (!V) return;
        expect_axes(V, 2, "(O, H)");
        O = V.size(0);
        expect_numbers<T>(V, "(O, H)", {O, H}, 0), expect_numbers<T>(b, "(O,)", {O}, 0, false);
        ReadoutArgs<T> a;
        a.T = 1, a.B = B, a.H = H, a.O = O, a.V = V.at<const T>(), a.b = b.at<const T>();
        const Kernels<T> &k = kernels<T>(cells[0]->isa);
        readout.reset(
            static_cast<char *>(::operator new(k.pack_readout(a, nullptr) * sizeof(T), std::align_val_t(64))));
        k.pack_readout(a, reinterpret_cast<T *>(readout.get()));
    }

    template <class T> bool run(T zero, const Py_buffer &x, nb::handle out_, int threads) {
        T *in = reinterpret_cast<T *>(input.data());
        const char format = x.format[0];
        if ((format != 'f' && format != 'd') || x.format[1]) return false;
        if (format == 'f' ? !scaled<float>(x, in) : !scaled<double>(x, in)) return false;
        Array out("out", out_, true);
        if (back_mean)
            expect_numbers<double>(out, "(B, O)", {B, O}, 0);
        else
            expect_numbers<T>(out, "(B, A)", {B, A}, 0);
        T *to = back_mean ? reinterpret_cast<T *>(raw.data()) : out.at<T>();
        if (threads == 1 && B * H * (I + H) < tuning::locked_step) {
            work(zero, in, to, 1);
        } else {
            Released released;
            work(zero, in, to, threads);
        }
        for (Index b = 0; back_mean && b < B; b++)
            for (Index j = 0; j < O; j++) {
                const double scaled = double(to[b * O + j]) * back_scale.at<const double>()[j];
                out.at<double>()[b * O + j] = scaled + back_mean.at<const double>()[j];
            }
        return true;
    }

    // In float64, as a whole sequence is scaled. False where rounding or scaling makes a finite number infinite.
    template <class E, class T> bool scaled(const Py_buffer &x, T *in) const {
        const double *m = mean.at<const double>(), *s = scale.at<const double>();
        const Py_ssize_t row = x.ndim == 2 ? x.strides[0] : 0, column = x.ndim ? x.strides[x.ndim - 1] : 0;
        bool fine = true;
        auto each = [&](Py_ssize_t next) {
            for (Index b = 0; b < B; b++) {
                const char *from = static_cast<const char *>(x.buf) + b * row;
                for (Index i = 0; i < I; i++) {
                    E given;
                    std::memcpy(&given, from + i * next, sizeof given);
                    const double value = m ? (double(given) - m[i]) / s[i] : double(given);
                    const T found = in[b * I + i] = T(value);
                    fine &= std::isfinite(found) || !std::isfinite(given);  // infinite now and not before
                }
            }
        };
        column == Py_ssize_t(sizeof(E)) ? each(sizeof(E)) : each(column);
        return fine;
    }

    template <class T> void work(T, const T *in, T *out, int threads) {
        T *h = hidden.at<T>();
        for (std::size_t k = 0; k < cells.size(); k++, in = h, h += B * H) {
            ForwardArgs<T> a;
            const Index width = cells[k]->shape.I;
            a.shape = {1, B, width, H}, a.convention = cells[k]->convention, a.packed = cells[k]->get<T>();
            a.x = {in, 0, width}, a.h = h, a.h_last = h, a.threads = threads;
            cells[k]->forward(a);
        }
        const T *top = pool(h - B * H);
        T *to = out + (A - O);  // after the 0 of "two"
        if (readout) {
            ReadoutArgs<T> a;
            a.T = 1, a.B = B, a.H = H, a.O = O, a.packed = reinterpret_cast<const T *>(readout.get());
            a.h = {top, 0, H}, a.out = {to, 0, A};
            kernels<T>(cells[0]->isa).readout(a);
        } else {
            for (Index b = 0; b < B; b++) std::memcpy(to + b * A, top + b * H, std::size_t(H) * sizeof(T));
        }
        tell(out);
    }

    template <class T> void tell(T *out) const {
        const Kernels<T> &k = kernels<T>(cells[0]->isa);
        if (answers == Answers::sigmoids) return k.sigmoids(B * A, out);
        if (answers == Answers::numbers) return;
        for (Index b = 0; answers == Answers::two && b < B; b++) out[b * A] = 0;
        k.softmax(B, A, out);
    }

    // The twin of `Stream._pool`.
    template <class T> const T *pool(const T *h) {
        auto *n = steps.at<std::int64_t>();
        for (Index b = 0; b < B; b++) n[b]++;
        if (pooling == Pooling::last) return h;
        T *to = reinterpret_cast<T *>(read_from.data());
        double *p = pooled.at<double>();
        for (Index b = 0; b < B; b++)
            for (Index j = b * H; j < (b + 1) * H; j++) {
                const double now = h[j];
                if (pooling == Pooling::mean)
                    p[j] += now, to[j] = T(p[j] / double(n[b]));
                else if (n[b] == 1 || now > p[j] || std::isnan(now))
                    to[j] = T(p[j] = now);
                else
                    to[j] = T(p[j]);
            }
        return to;
    }

    struct Free {
        void operator()(char *p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::vector<const Packed *> cells;
    std::vector<nb::object> owners;
    Array hidden, mean, scale, back_mean, back_scale, pooled, steps;
    enum class Pooling : std::uint8_t { last, mean, max } pooling;
    enum class Answers : std::uint8_t { numbers, softmax, two, sigmoids } answers;
    Kind kind;
    Index B, I, H, O, A;  // O numbers are read out, A answered
    std::unique_ptr<char, Free> readout;
    std::vector<char> input, read_from, raw;
};

}  // namespace gruvy
