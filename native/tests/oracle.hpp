// The equations written down plainly, one number at a time, over any number type: double for values, and
// std::complex<double> for exact derivatives (Im f(x + i h) / h, h = 1e-30).
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <vector>

#include "../src/engine.hpp"

namespace oracle {

using gruvy::Index;

struct Case {
    Index T, B, I, H;
    bool after, keeps, reverse = false, lengths = false, holes = false, restarts = false;
    bool biases = true, loss_y = true, loss_h = true;
    unsigned seed = 1;
};

template <class E> struct Data {
    std::vector<E> x, h, W, U, b, c;
    std::vector<std::int64_t> lengths;
    std::vector<std::uint8_t> mask, restarts;
};

inline Data<double> make(const Case &k) {
    std::mt19937 random(k.seed * 7919 + unsigned(k.T * 31 + k.B * 17 + k.I * 5 + k.H));
    std::normal_distribution<double> normal;
    // Rounded to float, so that both precisions are given the same numbers.
    auto fill = [&](Index n, double scale) {
        std::vector<double> v(n);
        for (double &e : v) e = float(scale * normal(random));
        return v;
    };
    Data<double> d;
    d.x = fill(k.T * k.B * k.I, 1);
    d.h = fill(k.B * k.H, 0.5);
    d.W = fill(3 * k.H * k.I, 1 / std::sqrt(double(k.I ? k.I : 1)));
    d.U = fill(3 * k.H * k.H, 1 / std::sqrt(double(k.H)));
    d.b = fill(3 * k.H, k.biases ? 0.5 : 0);
    d.c = fill(k.H, k.biases && k.after ? 0.5 : 0);
    for (Index b = 0; b < k.B; b++) d.lengths.push_back(k.lengths ? std::int64_t(random() % (k.T + 1)) : k.T);
    for (Index i = 0; i < k.T * k.B; i++) d.mask.push_back(k.holes ? random() % 3 != 0 : 1);
    for (Index i = 0; i < k.T * k.B; i++) d.restarts.push_back(k.restarts ? random() % 4 == 0 : 0);
    return d;
}

// y (T, B, H), the last state (B, H) and gates (T, B, G, H).
template <class E> struct Result {
    std::vector<E> y, last, gates;
};

template <class E> E dot(const E *w, const E *v, Index n) {
    E sum = 0;
    for (Index i = 0; i < n; i++) sum += w[i] * v[i];
    return sum;
}

template <class E> Result<E> forward(const Case &k, const Data<E> &d) {
    const Index T = k.T, B = k.B, I = k.I, H = k.H, G = k.after ? 4 : 3;
    Result<E> out{std::vector<E>(T * B * H), d.h, std::vector<E>(T * B * G * H)};
    auto sigmoid = [](E a) { return E(1) / (E(1) + std::exp(-a)); };
    for (Index b = 0; b < B; b++) {
        E *h = out.last.data() + b * H;
        for (Index p = 0; p < T; p++) {
            Index t = k.reverse ? T - 1 - p : p, at = t * B + b;
            if (d.restarts[at])
                for (Index j = 0; j < H; j++) h[j] = 0;
            if (t >= d.lengths[b] || !d.mask[at]) continue;
            std::vector<E> rh(H), next(H), r(H), z(H), n(H), q(H);
            const E *x = d.x.data() + at * I;
            for (Index j = 0; j < H; j++) {
                r[j] = sigmoid(dot(&d.W[j * I], x, I) + dot(&d.U[j * H], h, H) + d.b[j]);
                z[j] = sigmoid(dot(&d.W[(H + j) * I], x, I) + dot(&d.U[(H + j) * H], h, H) + d.b[H + j]);
                rh[j] = r[j] * h[j];
            }
            for (Index j = 0; j < H; j++) {
                E a = dot(&d.W[(2 * H + j) * I], x, I) + d.b[2 * H + j];
                q[j] = dot(&d.U[(2 * H + j) * H], k.after ? h : rh.data(), H) + d.c[j];
                n[j] = std::tanh(k.after ? a + r[j] * q[j] : a + q[j]);
                next[j] = k.keeps ? (E(1) - z[j]) * n[j] + z[j] * h[j] : (E(1) - z[j]) * h[j] + z[j] * n[j];
            }
            for (Index j = 0; j < H; j++) {
                h[j] = out.y[at * H + j] = next[j];
                E *g = &out.gates[at * G * H + j];
                g[0] = r[j], g[H] = z[j], g[2 * H] = n[j];
                if (k.after) g[3 * H] = q[j];
            }
        }
    }
    return out;
}

// The gradients of sum dy y + sum dh_last last, by one complex step for each input number.
struct Gradients {
    std::vector<double> x, h, W, U, b, c;
};

inline Gradients gradients(const Case &k, const Data<double> &d, const std::vector<double> &dy,
                           const std::vector<double> &dlast) {
    using C = std::complex<double>;
    Data<C> z;
    auto copy = [](const std::vector<double> &v) { return std::vector<C>(v.begin(), v.end()); };
    z.x = copy(d.x), z.h = copy(d.h), z.W = copy(d.W), z.U = copy(d.U), z.b = copy(d.b), z.c = copy(d.c);
    z.lengths = d.lengths, z.mask = d.mask, z.restarts = d.restarts;
    auto of = [&](std::vector<C> &v) {
        std::vector<double> g(v.size());
        for (std::size_t i = 0; i < v.size(); i++) {
            v[i] += C(0, 1e-30);
            Result<C> r = forward(k, z);
            double sum = 0;
            for (std::size_t j = 0; j < dy.size(); j++) sum += dy[j] * r.y[j].imag();
            for (std::size_t j = 0; j < dlast.size(); j++) sum += dlast[j] * r.last[j].imag();
            g[i] = sum / 1e-30;
            v[i] -= C(0, 1e-30);
        }
        return g;
    };
    return {of(z.x), of(z.h), of(z.W), of(z.U), of(z.b), of(z.c)};
}

}  // namespace oracle
