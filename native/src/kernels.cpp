// Compiled once per instruction set; see simd.hpp for the flags.
#include "backward.hpp"
#include "forward.hpp"
#include "peak.hpp"
#include "probabilities.hpp"
#include "readout.hpp"

namespace gruvy::GRUVY_NS {

namespace {

template <class T> std::size_t packed_size(const Shape &shape, const Convention &convention) {
    Arena arena;
    Panels<T>::cut(arena, shape, convention);
    return arena.used / sizeof(T);
}

template <class T> void pack(const Weights<T> &weights, const Shape &shape, const Convention &convention, T *block) {
    Panels<T> panels = Panels<T>::cut_block(block, shape, convention);
    panels.fill(weights, shape, 0, panels.blocks);
}

template <class T> constexpr Kernels<T> table() {
    return {packed_size<T>,  pack<T>,    forward<T, T>, backward<T>, readout<T>,
            pack_readout<T>, softmax<T>, sigmoids<T>,   peak<T>};
}

template <class S> std::size_t held_size(const Shape &shape, const Convention &convention) {
    Arena arena;
    Panels<float, S>::cut(arena, shape, convention);
    return arena.used;
}

template <class S>
void pack_held(const HeldWeights &w, const Shape &shape, const Convention &convention, char *block) {
    auto panels = Panels<float, S>::cut_block(reinterpret_cast<float *>(block), shape, convention);
    panels.fill(static_cast<const S *>(w.W), static_cast<const S *>(w.U), w.scale_W, w.scale_U,
                {nullptr, nullptr, w.b, w.c}, shape, 0, panels.blocks);
}

template <class S> constexpr HeldKernels table_held() { return {held_size<S>, pack_held<S>, forward<float, S>}; }

}  // namespace

const Kernels<float> kernels32 = table<float>();
const Kernels<double> kernels64 = table<double>();
const HeldKernels held[3] = {table_held<Float16>(), table_held<BFloat16>(), table_held<std::int8_t>()};

}  // namespace gruvy::GRUVY_NS
