// One GRU layer in one direction: what the kernels take and give. No Python, no allocation of results.
//
// Every size is positive or zero, every stride counts numbers (not bytes). Arrays whose strides are not named are
// contiguous. The caller has checked everything; the kernels check nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gruvy {

using Index = std::ptrdiff_t;

struct Shape {
    Index T, B, I, H;
};

struct Convention {
    bool after;  // reset="after": r ∘ (U_n h + c), else U_n (r ∘ h)
    bool keeps;  // update="keeps": (1-z) n + z h, else (1-z) h + z n
    int gates() const { return after ? 4 : 3; }
};

// (T, B, ·) with unit stride in what follows; null where the caller has none.
template <class E> struct View {
    E *p = nullptr;
    Index t = 0, b = 0;
    E *at(Index step, Index row) const { return p + step * t + row * b; }
};

// Which steps count, and in which order.
struct Steps {
    const std::int64_t *lengths = nullptr;  // (B): the steps of each row
    View<const std::uint8_t> mask;          // (T, B): nonzero = valid
    View<const std::uint8_t> restarts;      // (T, B): nonzero = the state becomes 0 before this step
    bool reverse = false;                   // steps T-1 .. 0
    bool plain() const { return !lengths && !mask.p && !restarts.p; }
};

// W (3H, I), U (3H, H), b (3H) or null, c (H) or null; rows in the order r, z, n. Or in place of c torch's second bias,
// more (3H): added to b, but for the candidate's part with reset after, which is c.
template <class E> struct Weights {
    const E *W = nullptr, *U = nullptr, *b = nullptr, *c = nullptr, *more = nullptr;
};

template <class E> struct ForwardArgs {
    Shape shape;
    Convention convention;
    Steps steps;
    View<const E> x;            // (T, B, I)
    const E *h = nullptr;       // (B, H) the initial state; null = 0
    Weights<E> weights;         // not read where packed is given
    const E *packed = nullptr;  // what Kernels::pack wrote, for inference with the same weights again and again
    View<E> y;                  // (T, B, H): the states, 0 at invalid steps; null = not wanted
    View<E> gates;              // (T, B, G, H), G·H contiguous: r, z, n, and q with reset after; null = not wanted
    E *h_last = nullptr;        // (B, H); may be the same memory as h
    int threads = 1;
};

template <class E> struct BackwardArgs {
    Shape shape;
    Convention convention;
    Steps steps;
    View<const E> dy;            // (T, B, H); null = 0; not read at invalid steps
    const E *dh_last = nullptr;  // (B, H); null = 0
    View<const E> x;
    const E *h = nullptr;  // (B, H); null = 0
    Weights<E> weights;
    View<const E> y, gates;                         // as forward gave them; never written
    View<E> dx;                                     // (T, B, I); null = not wanted; 0 at invalid steps
    E *dh = nullptr;                                // (B, H)
    E *dW = nullptr, *dU = nullptr, *db = nullptr;  // (3H, I), (3H, H), (3H)
    E *dc = nullptr;                                // (H), only with reset after; may be null
    E *dmore = nullptr;                             // (3H), in place of dc, where the weights have more
    int threads = 1;
};

// out = V h + b. V (O, H), b (O) or null.
template <class E> struct ReadoutArgs {
    Index T, B, H, O;
    View<const E> h;  // (T, B, H)
    const E *V = nullptr, *b = nullptr;
    const E *packed = nullptr;  // what Kernels::pack_readout wrote, in place of V and b
    View<E> out;                // (T, B, O)
    int threads = 1;
};

// How weights may be held in fewer bytes than the float32 numbers that they meet: `held.hpp`.
enum class Format : std::uint8_t { float16, bfloat16, int8 };
struct Float16 {
    std::uint16_t bits;
};
struct BFloat16 {
    std::uint16_t bits;
};

// W and U in a format, the row scales (3H) of int8, and the biases as in Weights.
struct HeldWeights {
    const void *W = nullptr, *U = nullptr;
    const float *scale_W = nullptr, *scale_U = nullptr, *b = nullptr, *c = nullptr;
};

// For inference with weights in a format: `pack` writes a 64-byte aligned block, which is `packed` for `forward`.
struct HeldKernels {
    std::size_t (*packed_size)(const Shape &, const Convention &);  // bytes
    void (*pack)(const HeldWeights &, const Shape &, const Convention &, char *block);
    void (*forward)(const ForwardArgs<float> &);
};

// The entry points of one instruction set and one type. A packed block belongs to the Kernels that wrote it.
template <class E> struct Kernels {
    std::size_t (*packed_size)(const Shape &, const Convention &);  // numbers; the block is 64-byte aligned
    void (*pack)(const Weights<E> &, const Shape &, const Convention &, E *block);
    void (*forward)(const ForwardArgs<E> &);  // one step is T = 1 with h_last and without y
    void (*backward)(const BackwardArgs<E> &);
    void (*readout)(const ReadoutArgs<E> &);
    std::size_t (*pack_readout)(const ReadoutArgs<E> &, E *block);  // numbers; V and b into a 64-byte aligned block
    void (*softmax)(Index rows, Index K, E *p);  // over the last axis of p (rows, K), in its place; K is positive
    void (*sigmoids)(Index count, E *p);         // each of p (count), in its place
    double (*peak)(Index rounds, E *out);        // floating-point operations done; out: 64 numbers, 64-byte aligned
};

namespace avx2 {
extern const Kernels<float> kernels32;
extern const Kernels<double> kernels64;
extern const HeldKernels held[3];  // by Format
}  // namespace avx2
namespace avx512 {
extern const Kernels<float> kernels32;
extern const Kernels<double> kernels64;
extern const HeldKernels held[3];  // by Format
}  // namespace avx512
namespace wide {
extern const Kernels<float> kernels32;
extern const Kernels<double> kernels64;
extern const HeldKernels held[3];  // by Format
}  // namespace wide
namespace generic {
extern const Kernels<float> kernels32;
extern const Kernels<double> kernels64;
extern const HeldKernels held[3];  // by Format
}  // namespace generic

}  // namespace gruvy
