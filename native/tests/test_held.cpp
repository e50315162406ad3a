// Weights held in fewer bytes on every instruction set, against the float32 kernels on the numbers that they stand for:
// float16 and bfloat16 with the same bits, int8 to rounding. test_held [--fault]
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "dispatch.hpp"

using namespace gruvy;

namespace {

// By the definition: sign, exponent and fraction as a sum of powers of two.
float value(Float16 h) {
    const int exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
    const double size = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
    return float(h.bits & 0x8000 ? -size : size);
}
float value(BFloat16 b) {
    const int exponent = b.bits >> 7 & 255, fraction = b.bits & 127;
    const double size = exponent ? std::ldexp(128 + fraction, exponent - 134) : std::ldexp(fraction, -133);
    return float(b.bits & 0x8000 ? -size : size);
}
float value(std::int8_t q) { return q; }

template <class S> S random_weight(std::mt19937 &random);
template <> Float16 random_weight(std::mt19937 &random) {  // below 0.5, subnormal numbers and zeros among them
    return {std::uint16_t(random() % 7 ? random() % 0x3800 | (random() & 0x8000) : random() % 3)};
}
template <> BFloat16 random_weight(std::mt19937 &random) {  // 2^-10 to 0.25
    return {std::uint16_t(random() % 7 ? 0x3a80 + random() % 0x400 + (random() & 0x8000) : 0)};
}
template <> std::int8_t random_weight(std::mt19937 &random) { return std::int8_t(int(random() % 255) - 127); }

double off(const std::vector<float> &a, const std::vector<float> &b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); i++)
        if (!(std::fabs(double(a[i]) - b[i]) <= most)) most = std::fabs(double(a[i]) - b[i]);
    return most;
}

struct Tally {
    int checks = 0, wrong = 0;
    void add(bool right, const char *isa, const char *format, const Shape &s, double error) {
        checks++;
        if (!right && wrong++ < 20)
            std::printf("FAILED %s %s, T %d B %d I %d H %d: off by %g\n", isa, format, int(s.T), int(s.B), int(s.I),
                        int(s.H), error);
    }
};

template <class S> void check(const Isa &isa, Format format, const char *name, bool fault, Tally &tally) {
    constexpr bool scaled = sizeof(S) == 1;
    const Shape shapes[] = {{2, 1, 1, 1}, {2, 1, 40, 70}, {2, 3, 5, 17}, {1, 14, 20, 33}, {1, 2, 300, 260}};
    for (const Shape &s : shapes)
        for (int after = 0; after < 2; after++) {
            std::mt19937 random(unsigned(s.H) + unsigned(after));
            auto some = [&](Index n, double scale) {
                std::vector<float> v(n);
                for (float &e : v) e = float((double(random() % 4097) - 2048) * scale / 2048);
                return v;
            };
            std::vector<S> W(3 * s.H * s.I), U(3 * s.H * s.H);
            for (S &e : W) e = random_weight<S>(random);
            for (S &e : U) e = random_weight<S>(random);
            auto scale_W = some(3 * s.H, 0.002), scale_U = some(3 * s.H, 0.002), b = some(3 * s.H, 1), c = some(s.H, 1);
            auto x = some(s.T * s.B * s.I, 1), h = some(s.B * s.H, 1);
            std::vector<float> wide_W(W.size()), wide_U(U.size());
            for (std::size_t i = 0; i < W.size(); i++) wide_W[i] = value(W[i]) * (scaled ? scale_W[i / s.I] : 1);
            for (std::size_t i = 0; i < U.size(); i++) wide_U[i] = value(U[i]) * (scaled ? scale_U[i / s.H] : 1);
            if (fault) wide_U.back() += 0.5f;
            const Convention convention{bool(after), true};
            std::vector<float> y(s.T * s.B * s.H), wanted(y.size()), last(s.B * s.H);
            ForwardArgs<float> f;
            f.shape = s, f.convention = convention, f.x = {x.data(), s.B * s.I, s.I}, f.h = h.data();
            f.weights = {wide_W.data(), wide_U.data(), b.data(), after ? c.data() : nullptr};
            f.y = {wanted.data(), s.B * s.H, s.H}, f.h_last = last.data();
            isa.k32->forward(f);
            const HeldKernels &kernels = isa.held[int(format)];
            std::vector<char> memory(kernels.packed_size(s, convention) + 64);
            char *block = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
            kernels.pack({W.data(), U.data(), scale_W.data(), scale_U.data(), b.data(), f.weights.c}, s, convention,
                         block);
            f.packed = reinterpret_cast<const float *>(block), f.y.p = y.data();
            for (int threads = 1; threads <= 2; threads++) {
                f.threads = threads;
                kernels.forward(f);
                const double error = off(y, wanted);
                const bool same = !std::memcmp(y.data(), wanted.data(), y.size() * sizeof(float));
                tally.add(scaled ? error < 4e-6 : same, isa.name, name, s, error);
            }
        }
}

}  // namespace

int main(int count, char **argument) {
    const bool fault = count > 1 && !std::strcmp(argument[1], "--fault");
    Tally tally;
    for (const Isa &isa : isas()) {
        if (!isa.supported) continue;
        check<Float16>(isa, Format::float16, "float16", fault, tally);
        check<BFloat16>(isa, Format::bfloat16, "bfloat16", fault, tally);
        check<std::int8_t>(isa, Format::int8, "int8", fault, tally);
    }
    std::printf("%d checks of held weights, %d wrong\n", tally.checks, tally.wrong);
    return tally.wrong ? 1 : 0;
}
