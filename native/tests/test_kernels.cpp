// The kernels against the plain equations, and against themselves: other threads, batches, chunks, instruction sets.
// Prints what failed; the exit code is the number of failures (1 at most). --fault: plants one and must fail, at once.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "dispatch.hpp"
#include "oracle.hpp"
#include "pool.hpp"

using namespace gruvy;
using oracle::Case;
using oracle::Data;

namespace {

int failures = 0, checks = 0;
double worst[2] = {};
bool fault = false;

std::string name(const Case &k) {
    char text[200];
    std::snprintf(text, sizeof text, "T%td B%td I%td H%td %s %s%s%s%s%s%s%s%s seed %u", k.T, k.B, k.I, k.H,
                  k.after ? "after" : "before", k.keeps ? "keeps" : "adds", k.reverse ? " reverse" : "",
                  k.lengths ? " lengths" : "", k.holes ? " holes" : "", k.restarts ? " restarts" : "",
                  k.biases ? "" : " no-bias", k.loss_y ? "" : " no-dy", k.loss_h ? "" : " no-dh", k.seed);
    return text;
}

void fail(const std::string &what) {
    if (failures++ < 20) std::printf("FAILED %s\n", what.c_str());
    if (fault) std::exit(1);  // it is found: that was the question
}

// max|a-b| / max|b|; a NaN on one side only is a failure. The sums of a gradient of a few numbers may all happen to
// cancel, so that float cannot give them to 2e-6 of their own size: `least` is the scale then.
template <class E>
void close(const char *what, const std::vector<E> &a, const std::vector<double> &b, const Case &k, double least = 0) {
    double most = 0, scale = b.size() < 20 ? least : 0;
    for (std::size_t i = 0; i < b.size(); i++) {
        if (std::isnan(double(a[i])) != std::isnan(b[i])) most = INFINITY;
        if (std::isnan(b[i])) continue;
        most = std::fmax(most, std::fabs(double(a[i]) - b[i]));
        scale = std::fmax(scale, std::fabs(b[i]));
    }
    double error = most / (scale > 0 ? scale : 1), limit = sizeof(E) == 4 ? 2e-6 : 1e-12;
    checks++;
    worst[sizeof(E) == 8] = std::fmax(worst[sizeof(E) == 8], error / limit);
    if (!(error <= limit))
        fail(name(k) + (sizeof(E) == 4 ? " float " : " double ") + what + ": " + std::to_string(error / limit) +
             " x limit");
}

template <class E> void same(const char *what, const std::vector<E> &a, const std::vector<E> &b, const Case &k) {
    checks++;
    if (a.size() != b.size() || (a.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(E))))
        fail(name(k) + (sizeof(E) == 4 ? " float " : " double ") + what + ": other bits");
}

template <class E> std::vector<E> to(const std::vector<double> &v) { return std::vector<E>(v.begin(), v.end()); }

// One call's arrays. NaN where nothing may be read, and odd strides, so that a wrong address shows.
template <class E> struct Call {
    Case k;
    Data<double> d;
    std::vector<E> x, h, W, U, b, c, y, gates, last, dy, dlast, dx, dh, dW, dU, db, dc;
    Index G, sx, sy, sg;  // strides of a row

    Call(const Case &kk, const Data<double> &dd) : k(kk), d(dd) {
        const E nan = std::numeric_limits<E>::quiet_NaN();
        G = k.after ? 4 : 3, sx = k.I + 3, sy = k.H + 5, sg = G * k.H + 1;
        h = to<E>(d.h), W = to<E>(d.W), U = to<E>(d.U), b = to<E>(d.b), c = to<E>(d.c);
        x.assign(k.T * k.B * sx + 1, nan);
        for (Index at = 0; at < k.T * k.B; at++)
            for (Index i = 0; i < k.I && valid(at); i++) x[at * sx + i] = E(d.x[at * k.I + i]);
        y.assign(k.T * k.B * sy + 1, nan), gates.assign(k.T * k.B * sg + 1, nan), last.assign(k.B * k.H, nan);
    }
    bool valid(Index at) const { return at / k.B < d.lengths[at % k.B] && d.mask[at]; }
    Steps steps() const {
        Steps s;
        if (k.lengths) s.lengths = d.lengths.data();
        if (k.holes) s.mask = {d.mask.data(), k.B, 1};
        if (k.restarts) s.restarts = {d.restarts.data(), k.B, 1};
        s.reverse = k.reverse;
        return s;
    }
    Weights<E> weights() const {
        return {W.data(), U.data(), k.biases ? b.data() : nullptr, k.biases ? c.data() : nullptr};
    }
    ForwardArgs<E> args(int threads) {
        ForwardArgs<E> a;
        a.shape = {k.T, k.B, k.I, k.H};
        a.convention = {k.after, k.keeps};
        a.steps = steps();
        a.x = {x.data(), k.B * sx, sx};
        a.h = h.data();
        a.weights = weights();
        a.y = {y.data(), k.B * sy, sy};
        a.h_last = last.data();
        a.threads = threads;
        return a;
    }
    void forward(const Kernels<E> &kernels, int threads, bool save) {
        ForwardArgs<E> a = args(threads);
        if (save) a.gates = {gates.data(), k.B * sg, sg};
        kernels.forward(a);
    }
    void backward(const Kernels<E> &kernels, int threads, const std::vector<double> &ddy,
                  const std::vector<double> &ddlast) {
        const E nan = std::numeric_limits<E>::quiet_NaN();
        dy.assign(k.T * k.B * sy + 1, nan);
        for (Index at = 0; at < k.T * k.B; at++)
            for (Index j = 0; j < k.H && valid(at); j++) dy[at * sy + j] = E(ddy[at * k.H + j]);
        dlast = to<E>(ddlast);
        dx.assign(k.T * k.B * sx + 1, nan), dh.assign(k.B * k.H, nan);
        dW.assign(W.size(), nan), dU.assign(U.size(), nan), db.assign(b.size(), nan), dc.assign(c.size(), nan);
        BackwardArgs<E> a;
        a.shape = {k.T, k.B, k.I, k.H};
        a.convention = {k.after, k.keeps};
        a.steps = steps();
        if (k.loss_y) a.dy = {dy.data(), k.B * sy, sy};
        a.dh_last = k.loss_h ? dlast.data() : nullptr;
        a.x = {x.data(), k.B * sx, sx};
        a.h = h.data();
        a.weights = weights();
        a.y = {y.data(), k.B * sy, sy};
        a.gates = {gates.data(), k.B * sg, sg};
        a.dx = {dx.data(), k.B * sx, sx};
        a.dh = dh.data(), a.dW = dW.data(), a.dU = dU.data(), a.db = db.data();
        a.dc = k.after ? dc.data() : nullptr;
        a.threads = threads;
        kernels.backward(a);
    }
    std::vector<E> tight(const std::vector<E> &v, Index stride, Index n) const {
        std::vector<E> out;
        for (Index at = 0; at < k.T * k.B; at++)
            out.insert(out.end(), v.begin() + at * stride, v.begin() + at * stride + n);
        return out;
    }
    std::vector<E> states() const { return tight(y, sy, k.H); }
    std::vector<std::vector<E>> gradients() const {
        return {tight(dx, sx, k.I), dh, dW, dU, db, k.after ? dc : std::vector<E>()};
    }
};

const char *const gradient_names[] = {"dx", "dh", "dW", "dU", "db", "dc"};

// What is compared with one thread was done by as many as were asked for.
void expect_team(int threads, const Case &k) {
    checks++;
    if (team_size() != threads)
        fail(name(k) + ": " + std::to_string(team_size()) + " threads ran of " + std::to_string(threads));
}

template <class E> struct Build {
    const char *name;
    const Kernels<E> *kernels;
};

// The plain answers for a case, shared by both types.
struct Want {
    Data<double> d;
    oracle::Result<double> forward;
    std::vector<double> dy, dlast;
    oracle::Gradients grad;
};

Want answers(const Case &k, bool slow) {
    Want w;
    w.d = oracle::make(k);
    w.forward = oracle::forward(k, w.d);
    std::mt19937 random(k.seed);
    std::normal_distribution<double> normal;
    w.dy.resize(w.forward.y.size()), w.dlast.resize(w.forward.last.size());
    for (double &e : w.dy) e = k.loss_y ? float(normal(random)) : 0;
    for (double &e : w.dlast) e = k.loss_h ? float(normal(random)) : 0;
    for (Index at = 0; at < k.T * k.B; at++)
        if (at / k.B >= w.d.lengths[at % k.B] || !w.d.mask[at])
            for (Index j = 0; j < k.H; j++) w.dy[at * k.H + j] = 0;
    if (slow) w.grad = oracle::gradients(k, w.d, w.dy, w.dlast);
    if (fault && w.forward.y.size()) w.forward.y[w.forward.y.size() / 2] += 1e-4;
    return w;
}

template <class E> void check(const Case &k, const Want &w, const std::vector<Build<E>> &isas, bool slow) {
    const auto &d = w.d;
    const auto &want = w.forward;
    const auto &dy = w.dy, &dlast = w.dlast;
    const auto &grad = w.grad;
    std::vector<E> first_y, first_last;
    std::vector<std::vector<E>> first_gradients;
    for (const Build<E> &isa : isas) {
        Call<E> one(k, d), infer(k, d);
        one.forward(*isa.kernels, 1, true);
        close("y", one.states(), want.y, k);
        close("last", one.last, want.last, k);
        close("gates", one.tight(one.gates, one.sg, one.G * k.H), want.gates, k);
        infer.forward(*isa.kernels, 1, false);
        same("y without gates", infer.states(), one.states(), k);
        if (first_y.empty()) first_y = one.states(), first_last = one.last;
        same(isa.name, one.states(), first_y, k);
        same(isa.name, one.last, first_last, k);

        std::vector<E> y0 = one.y, g0 = one.gates;
        one.backward(*isa.kernels, 1, dy, dlast);
        same("y after backward", one.y, y0, k);
        same("gates after backward", one.gates, g0, k);
        if (first_gradients.empty()) first_gradients = one.gradients();
        for (std::size_t i = 0; i < first_gradients.size(); i++)
            same((std::string(isa.name) + " " + gradient_names[i]).c_str(), one.gradients()[i], first_gradients[i], k);
        if (slow) {
            double least = 0;
            for (const auto *g : {&grad.x, &grad.h, &grad.W, &grad.U, &grad.b})
                for (double e : *g) least = std::fmax(least, std::fabs(e));
            close("dx", one.tight(one.dx, one.sx, k.I), grad.x, k, least);
            close("dh", one.dh, grad.h, k, least);
            close("dW", one.dW, grad.W, k, least);
            close("dU", one.dU, grad.U, k, least);
            close("db", one.db, grad.b, k, least);
            if (k.after) close("dc", one.dc, grad.c, k, least);
        }
        for (int threads : {2, 3, 5}) {
            Call<E> many(k, d);
            many.forward(*isa.kernels, threads, true);
            same("y, threads", many.states(), one.states(), k);
            same("last, threads", many.last, one.last, k);
            if (k.B >= 4 * threads) expect_team(threads, k);
            many.backward(*isa.kernels, threads, dy, dlast);
            if (k.B >= 4 * threads) expect_team(threads, k);
            for (std::size_t i = 0; i < first_gradients.size(); i++)
                same((std::string(gradient_names[i]) + ", threads").c_str(), many.gradients()[i], one.gradients()[i],
                     k);
        }
    }
}

// Each row alone, step by step with packed weights, gives the bits of the batch.
template <class E> void check_steps(const Case &k, const std::vector<Build<E>> &isas) {
    Data<double> d = oracle::make(k);
    for (const Build<E> &isa : isas) {
        Call<E> whole(k, d);
        whole.forward(*isa.kernels, 2, false);
        Shape shape{1, 1, k.I, k.H};
        Convention convention{k.after, k.keeps};
        std::vector<E> packed(isa.kernels->packed_size(shape, convention) + 16);
        E *block = reinterpret_cast<E *>((reinterpret_cast<std::uintptr_t>(packed.data()) + 63) / 64 * 64);
        isa.kernels->pack(whole.weights(), shape, convention, block);
        std::vector<E> y(k.T * k.B * k.H), h(whole.h);
        for (Index b = 0; b < k.B; b++)
            for (Index t = 0; t < k.T; t++) {
                ForwardArgs<E> a;
                a.shape = shape;
                a.convention = convention;
                a.x = {whole.x.data() + (t * k.B + b) * whole.sx, 0, 0};
                a.h = a.h_last = h.data() + b * k.H;
                a.packed = block;
                isa.kernels->forward(a);
                std::copy_n(h.data() + b * k.H, k.H, y.data() + (t * k.B + b) * k.H);
            }
        same("step by step", y, whole.states(), k);
        same("last, step by step", h, whole.last, k);
    }
}

template <class E> void check_readout(const Case &k, const std::vector<Build<E>> &isas) {
    Data<double> d = oracle::make(k);  // x serves as the states, W as V: I inputs to 3H outputs; NaN gives NaN
    const Index O = 3 * k.H;
    std::vector<double> want(k.T * k.B * O);
    std::vector<E> first;
    for (const Build<E> &isa : isas) {
        Call<E> call(k, d);
        for (Index at = 0; at < k.T * k.B; at++)
            for (Index o = 0; o < O; o++)
                want[at * O + o] = call.valid(at) ? oracle::dot(&d.W[o * k.I], &d.x[at * k.I], k.I) + d.b[o] : NAN;
        for (int threads : {1, 2}) {
            std::vector<E> out(want.size());
            ReadoutArgs<E> a;
            a.T = k.T, a.B = k.B, a.H = k.I, a.O = O;
            a.h = {call.x.data(), k.B * call.sx, call.sx};
            a.V = call.W.data(), a.b = call.b.data();
            a.out = {out.data(), k.B * O, O};
            a.threads = threads;
            isa.kernels->readout(a);
            close("readout", out, want, k);
            if (first.empty()) first = out;
            same("readout", out, first, k);
        }
    }
}

struct Isas {
    std::vector<Build<float>> f;
    std::vector<Build<double>> d;
};

void check_both(const Case &k, const Isas &isas, bool slow) {
    Want w = answers(k, slow);
    check<float>(k, w, isas.f, slow);
    check<double>(k, w, isas.d, slow);
}

void all(const Isas &isas) {
    const Index shapes[][4] = {{3, 6, 1, 1}, {4, 5, 3, 3}, {3, 2, 5, 17}, {4, 7, 2, 5}, {2, 1, 4, 18},
                               {0, 2, 3, 4}, {3, 0, 2, 5}, {1, 1, 6, 9},  {5, 2, 6, 8}, {3, 5, 2, 0}};
    unsigned seed = 0;
    for (int v = 0; v < 4; v++)
        for (auto &s : shapes)
            for (int feature = 0; feature < 8; feature++) {
                Case k{s[0], s[1], s[2], s[3], bool(v & 1), bool(v & 2)};
                k.seed = ++seed;
                if (seed % GRUVY_EVERY) continue;
                k.reverse = feature & 1;
                k.lengths = feature == 2 || feature == 3 || feature == 6;
                k.holes = feature == 4 || feature == 6 || feature == 7;
                k.restarts = feature == 5 || feature == 6 || feature == 7;
                k.biases = feature != 1;
                k.loss_y = feature != 2;
                k.loss_h = feature != 4;
                check_both(k, isas, true);
                if (feature == 0) check_steps<float>(k, isas.f), check_steps<double>(k, isas.d);
                check_readout<float>(k, isas.f), check_readout<double>(k, isas.d);
            }
    // Several chunks and blocks of rows, full tiles; gradients only against other threads.
    for (int v = 0; v < 4; v++) {
        check_both(Case{20, 32, 3, 20, bool(v & 1), bool(v & 2)}, isas, false);
        Case k{70, 13, 7, 40, bool(v & 1), bool(v & 2)};
        check_both(k, isas, false);
        k.lengths = k.restarts = k.reverse = true;
        check_both(k, isas, false);
        k.holes = true;
        check_both(k, isas, false);
        check_both(Case{600, 1, 9, 33, bool(v & 1), bool(v & 2)}, isas, false);
    }
}

// A sequence with NaN or infinity in a valid step spoils no other.
template <class E> void check_nan(const Build<E> &isa) {
    for (int v = 0; v < 4; v++) {
        Case k{5, 7, 3, 11, bool(v & 1), bool(v & 2)};
        Data<double> d = oracle::make(k);
        Call<E> good(k, d), bad(k, d);
        bad.x[(1 * k.B + 2) * bad.sx] = std::numeric_limits<E>::quiet_NaN();
        good.forward(*isa.kernels, 1, false), bad.forward(*isa.kernels, 1, false);
        for (Index b = 0; b < k.B; b++)
            for (Index j = 0; j < k.H; j++) {
                checks++;
                bool nan = std::isnan(bad.last[b * k.H + j]);
                if (b == 2 ? !nan : bad.last[b * k.H + j] != good.last[b * k.H + j]) fail(name(k) + " NaN: wrong row");
            }
    }
}

}  // namespace

int main(int count, char **argument) {
    fault = count > 1 && !std::strcmp(argument[1], "--fault");
    Isas isas;
    for (const Isa &isa : gruvy::isas())
        if (isa.supported) isas.f.push_back({isa.name, isa.k32}), isas.d.push_back({isa.name, isa.k64});
    all(isas);
    for (auto &isa : isas.f) check_nan(isa);
    for (auto &isa : isas.d) check_nan(isa);
    std::printf("%d checks, %d failed; worst error float %.2f, double %.2f of the limit; instruction sets:", checks,
                failures, worst[0], worst[1]);
    for (auto &isa : isas.f) std::printf(" %s", isa.name);
    std::printf("\n");
    return failures ? 1 : 0;
}
