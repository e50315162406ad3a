// The same bits everywhere: 1,000 random calls, forward and gradients, float and double, against stored digests.
// test_digests FILE [--write | --fault]. The inputs come from integers alone, so they are the same with every library.
// The file was written by a build with GCC 12 for x86-64, on which AVX-512, AVX2 and the portable kernels agreed; it is
// written again only where the order of sums is changed on purpose.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "dispatch.hpp"

using namespace gruvy;

namespace {

struct Digest {
    std::uint64_t sum = 14695981039346656037u;  // FNV-1a
    template <class E> void take(const std::vector<E> &v) {
        const unsigned char *p = reinterpret_cast<const unsigned char *>(v.data());
        for (std::size_t i = 0; i < v.size() * sizeof(E); i++) sum = (sum ^ p[i]) * 1099511628211u;
    }
};

struct Call {
    Shape shape;
    Convention convention;
    unsigned options;
    std::uint32_t seed;
};

Call call(unsigned number) {
    std::mt19937 random(number + 1);
    auto up_to = [&](unsigned n) { return Index(random() % (n + 1)); };
    Call c;
    c.shape = {1 + up_to(11), 1 + up_to(18), up_to(20), 1 + up_to(40)};
    if (number % 50 == 7) c.shape.T = 60, c.shape.H += 60;  // several blocks of rows and chunks
    if (number % 50 == 8) c.shape.T = 3, c.shape.I += 500;  // sums in chains
    if (number % 250 == 9) c.shape = {2, 3, 20, 530};
    c.convention = {bool(random() & 1), bool(random() & 1)};
    c.options = unsigned(random());
    c.seed = random();
    return c;
}

template <class E> std::uint64_t digest(const Kernels<E> &kernels, const Call &c, int threads) {
    std::mt19937 random(c.seed);
    const Index T = c.shape.T, B = c.shape.B, I = c.shape.I, H = c.shape.H, G = c.convention.gates();
    // Exact in both types: a whole number times a power of two.
    auto fill = [&](Index n, double scale) {
        std::vector<E> v(n);
        for (E &e : v) e = E((double(random() % 4097) - 2048) * scale);
        return v;
    };
    const double near = 1.0 / 2048, weight = near / (H > 200 || I > 200 ? 16 : 4);
    auto x = fill(T * B * I, near), h = fill(B * H, near), W = fill(3 * H * I, weight), U = fill(3 * H * H, weight);
    auto b = fill(3 * H, near), cc = fill(H, near), dy = fill(T * B * H, near), dlast = fill(B * H, near);
    std::vector<std::int64_t> lengths(B);
    std::vector<std::uint8_t> mask(T * B), restarts(T * B);
    for (auto &e : lengths) e = std::int64_t(random() % unsigned(T + 1));
    for (auto &e : mask) e = random() % 3 != 0;
    for (auto &e : restarts) e = random() % 4 == 0;
    Steps steps;
    if (c.options & 1) steps.lengths = lengths.data();
    if (c.options & 2) steps.mask = {mask.data(), B, 1};
    if (c.options & 4) steps.restarts = {restarts.data(), B, 1};
    steps.reverse = c.options & 8;
    std::vector<E> y(T * B * H), gates(T * B * G * H), last(B * H), dx(x.size()), dh(B * H), dW(W.size()), dU(U.size()),
        db(3 * H), dc(H);
    ForwardArgs<E> f;
    f.shape = c.shape, f.convention = c.convention, f.steps = steps, f.threads = threads;
    f.x = {x.data(), B * I, I}, f.h = h.data(), f.weights = {W.data(), U.data(), b.data(), cc.data()};
    f.y = {y.data(), B * H, H}, f.gates = {gates.data(), B * G * H, G * H}, f.h_last = last.data();
    kernels.forward(f);
    BackwardArgs<E> g;
    g.shape = c.shape, g.convention = c.convention, g.steps = steps, g.threads = threads;
    g.dy = {dy.data(), B * H, H}, g.dh_last = dlast.data(), g.x = f.x, g.h = f.h, g.weights = f.weights;
    g.y = {y.data(), B * H, H}, g.gates = {gates.data(), B * G * H, G * H}, g.dx = {dx.data(), B * I, I};
    g.dh = dh.data(), g.dW = dW.data(), g.dU = dU.data(), g.db = db.data();
    g.dc = c.convention.after ? dc.data() : nullptr;
    kernels.backward(g);
    Digest d;
    for (const auto *v : {&y, &gates, &last, &dx, &dh, &dW, &dU, &db, &dc}) d.take(*v);
    return d.sum;
}

}  // namespace

int main(int count, char **argument) {
    constexpr unsigned calls = 1000;
    const bool write = count > 2 && !std::strcmp(argument[2], "--write");
    const bool fault = count > 2 && !std::strcmp(argument[2], "--fault");
    std::FILE *file = count > 1 ? std::fopen(argument[1], write ? "w" : "r") : nullptr;
    if (!file) return std::printf("no file of digests\n"), 1;
    unsigned wrong = 0, checks = 0;
    for (unsigned i = 0; i < calls; i++) {
        const Call c = call(i);
        std::uint64_t want[2] = {};
        if (write) {
            want[0] = digest(*isas()[0].k32, c, 1), want[1] = digest(*isas()[0].k64, c, 1);
            std::fprintf(file, "%016" PRIx64 " %016" PRIx64 "\n", want[0], want[1]);
        } else if (std::fscanf(file, "%" SCNx64 " %" SCNx64, &want[0], &want[1]) != 2) {
            return std::printf("the file ends at call %u of %u\n", i, calls), 1;
        }
        if (i % GRUVY_EVERY) continue;
        if (fault && i == calls / 10) want[1] ^= 1;
        for (const Isa &isa : isas()) {
            if (!isa.supported) continue;
            const int threads = 1 + int(i % 3);
            const bool same[2] = {digest(*isa.k32, c, threads) == want[0], digest(*isa.k64, c, threads) == want[1]};
            for (int type = 0; type < 2; type++, checks++)
                if (!same[type] && wrong++ < 20)
                    std::printf("FAILED call %u, %s %s: other bits\n", i, isa.name, type ? "double" : "float");
            if (fault && wrong) return 1;  // it is found: that was the question
        }
    }
    std::fclose(file);
    std::printf("%u digests, %u wrong; instruction sets:", checks, wrong);
    for (const Isa &isa : isas())
        if (isa.supported) std::printf(" %s", isa.name);
    std::printf("\n");
    return wrong ? 1 : 0;
}
