// Softmax and sigmoid on every instruction set, against long double and against stored digests: the same bits
// everywhere. Scores near each other, far apart, beyond what is left of e^-d, and not finite, from integers alone, so
// that they are the same with every library. test_probabilities [--fault]
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "dispatch.hpp"

using namespace gruvy;

namespace {

unsigned checks = 0, wrong = 0;

// One row: a softmax, or of each number a sigmoid.
template <class E> void check(const Isa &isa, const std::vector<E> &raw, bool each, bool fault, std::uint64_t &digest) {
    using Limits = std::numeric_limits<E>;
    const Index K = Index(raw.size());
    long double top = -INFINITY, sum = 0;
    for (E e : raw) top = std::fmax(top, (long double)e);
    for (E e : raw) sum += std::exp((long double)e - top);
    std::vector<E> p(raw);
    each ? kernels<E>(isa).sigmoids(K, p.data()) : kernels<E>(isa).softmax(1, K, p.data());
    for (Index i = 0; i < K; i++) {
        long double want = each ? 1 / (1 + std::exp(-(long double)raw[i])) : std::exp(raw[i] - top) / sum;
        if (fault) want *= 1 + 8 * Limits::epsilon();
        // Half of the last place of top - raw is half as many of the result; a sigmoid stays at the smallest normal
        // number.
        const long double places = each || !std::isfinite(raw[i]) ? 4 : 4 + (top - raw[i]) / 2;
        const long double least = 2 * (each ? Limits::min() : Limits::denorm_min());
        const bool right =
            std::isnan(want) ? std::isnan(p[i]) : std::fabs(p[i] - want) <= places * Limits::epsilon() * want + least;
        checks++;
        if (!right && wrong++ < 20)
            std::printf("FAILED %s %zu bytes, %s of %g among %td: %g\n", isa.name, sizeof(E),
                        each ? "sigmoid" : "softmax", double(raw[i]), K, double(p[i]));
        if (std::isnan(p[i])) p[i] = 2;  // of whichever bits
    }
    const unsigned char *byte = reinterpret_cast<const unsigned char *>(p.data());
    for (std::size_t i = 0; i < p.size() * sizeof(E); i++) digest = (digest ^ byte[i]) * 1099511628211u;  // FNV-1a
}

template <class E> void check(const Isa &isa, bool fault, std::uint64_t stored) {
    using Limits = std::numeric_limits<E>;
    std::uint64_t digest = 14695981039346656037u;
    std::mt19937 random(7);
    for (Index K : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33})
        for (double spread : {0x1p-14, 0x1p-9, 0x1p-5, 0x1p-2, 0x1p+100})
            for (E odd : {E(0), Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
                for (Index round = 0; round < 3; round++) {
                    std::vector<E> raw(K);
                    for (E &e : raw) e = E(spread * (double(random() % 4097) - 2048));
                    if (odd) raw[K * round / 3] = odd;
                    check(isa, raw, false, fault, digest), check(isa, raw, true, fault, digest);
                }
    checks++;
    if (digest != stored && wrong++ < 20)
        std::printf("FAILED %s, %zu bytes: the digest is %016" PRIx64 "\n", isa.name, sizeof(E), digest);
}

}  // namespace

int main(int count, char **argument) {
    const bool fault = count > 1 && !std::strcmp(argument[1], "--fault");
    for (const Isa &isa : isas()) {
        if (!isa.supported) continue;
        check<float>(isa, fault, 0x2913d63431824a0bu);
        check<double>(isa, fault, 0xb569753425d8ca9bu);
    }
    std::printf("%u checks of probabilities, %u wrong\n", checks, wrong);
    return wrong ? 1 : 0;
}
