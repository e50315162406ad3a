// Times the kernels alone: bench [threads] [dx]. For each shape of the grid: the median of several runs, and the share
// of the peak of fused multiply-adds that this processor reaches between them (the median: it changes with what else
// the machine does).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "../src/engine.hpp"
#include "../src/pool.hpp"

using namespace gruvy;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Floating-point operations a second of `threads` threads that only multiply and add in registers.
double peak(int threads) {
    double best = 1e9;
    constexpr Index rounds = 100000;
    double operations = 0;
    for (int repeat = 0; repeat < 2; repeat++) {
        double start = now();
        parallel(threads, [](void *done, int thread, int) {
            alignas(64) float out[64];
            double operations = avx2::kernels32.peak(rounds, out);
            if (thread == 0) *static_cast<double *>(done) = operations;
        }, &operations);
        best = std::min(best, now() - start);
    }
    return threads * operations / best;
}

template <class E> std::vector<E> fill(Index n, double scale) {
    static std::mt19937 random(1);
    std::uniform_real_distribution<double> u(-scale, scale);
    std::vector<E> v(n);
    for (E &e : v) e = E(u(random));
    return v;
}

std::size_t share = 2;  // 1 / the part of the runs that were faster than the number printed

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / share];
}

}  // namespace

int main(int count, char **argument) {
    int threads = count > 1 ? std::atoi(argument[1]) : 1;
    bool needs_dx = count > 2 && std::atoi(argument[2]);
    double only = count > 3 ? std::atof(argument[3]) : -1, budget = count > 4 ? std::atof(argument[4]) : 0.6;
    const Index grid[][4] = {{100, 1, 64, 64},   {100, 32, 64, 64},   {100, 32, 128, 128},   {100, 64, 256, 256},
                             {50, 64, 512, 512}, {200, 16, 256, 256}, {50, 128, 1024, 1024}, {500, 1, 256, 256},
                             {784, 32, 1, 128},  {128, 32, 40, 32}};
    const Kernels<float> &k = avx2::kernels32;
    if (count > 5) share = std::size_t(std::atoi(argument[5]));
    int least = count > 6 ? std::atoi(argument[6]) : 5;  // runs
    std::printf("%d threads, peak %.1f GF/s\n%-20s", threads, peak(threads) / 1e9, "T B I H");
    std::printf("%9s %6s %9s %6s %9s %6s | %9s %6s %9s %6s  ms, share of peak\n", "infer", "", "forward", "",
                "backward", "", "train", "", "train bef", "/after");
    for (int g = 0; g < 10; g++) {
        if (only >= 0 && only != g) continue;
        const Index T = grid[g][0], B = grid[g][1], I = grid[g][2], H = grid[g][3];
        auto x = fill<float>(T * B * I, 1), h = fill<float>(B * H, 0), dy = fill<float>(T * B * H, 1);
        auto W = fill<float>(3 * H * I, 1 / std::sqrt(H)), U = fill<float>(3 * H * H, 1 / std::sqrt(H));
        auto b = fill<float>(3 * H, 0.1), c = fill<float>(H, 0.1);
        std::vector<float> y(T * B * H), gates(T * B * 4 * H), last(B * H), dx(x.size()), dh(B * H), dW(W.size()),
            dU(U.size()), db(3 * H), dc(H);
        auto forward = [&](bool after, bool save) {
            ForwardArgs<float> a;
            a.shape = {T, B, I, H}, a.convention = {after, true};
            a.x = {x.data(), B * I, I}, a.h = h.data(), a.weights = {W.data(), U.data(), b.data(), c.data()};
            a.y = {y.data(), B * H, H}, a.h_last = last.data(), a.threads = threads;
            Index G = after ? 4 : 3;
            if (save) a.gates = {gates.data(), B * G * H, G * H};
            double start = now();
            k.forward(a);
            return now() - start;
        };
        auto backward = [&](bool after) {
            BackwardArgs<float> a;
            Index G = after ? 4 : 3;
            a.shape = {T, B, I, H}, a.convention = {after, true};
            a.x = {x.data(), B * I, I}, a.h = h.data(), a.weights = {W.data(), U.data(), b.data(), c.data()};
            a.y = {y.data(), B * H, H}, a.gates = {gates.data(), B * G * H, G * H};
            a.dy = {dy.data(), B * H, H};
            if (needs_dx) a.dx = {dx.data(), B * I, I};
            a.dh = dh.data(), a.dW = dW.data(), a.dU = dU.data(), a.db = db.data(), a.dc = after ? dc.data() : nullptr;
            a.threads = threads;
            double start = now();
            k.backward(a);
            return now() - start;
        };
        std::vector<double> infer, fwd, bwd, train, before, tops;
        double until = now() + budget;
        for (int i = 0; i < least || now() < until; i++) {
            tops.push_back(peak(threads));
            infer.push_back(forward(true, false));
            double f = forward(true, true), r = backward(true);
            fwd.push_back(f), bwd.push_back(r), train.push_back(f + r);
            if (i % 2) continue;
            f = forward(false, true);
            before.push_back(f + backward(false));
        }
        double top = median(tops);
        double f = 2.0 * T * B * 3 * H * (I + H), r = f + 2.0 * T * B * 3 * H * (H + (needs_dx ? I : 0));
        double mi = median(infer), mf = median(fwd), mb = median(bwd), mt = median(train), mo = median(before);
        std::printf("%4td %4td %4td %4td  %9.3f %6.2f %9.3f %6.2f %9.3f %6.2f | %9.3f %6.2f %9.3f %6.2f\n", T, B, I, H,
                    mi * 1e3, f / mi / top, mf * 1e3, f / mf / top, mb * 1e3, r / mb / top, mt * 1e3,
                    (f + r) / mt / top, mo * 1e3, mo / mt);
        std::fflush(stdout);
    }
}
