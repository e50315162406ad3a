// Compiled once per instruction set; see simd.hpp for the flags.
#include "backward.hpp"
#include "forward.hpp"
#include "peak.hpp"
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
    return {packed_size<T>, pack<T>, forward<T>, backward<T>, readout<T>, peak<T>};
}

}  // namespace

const Kernels<float> kernels32 = table<float>();
const Kernels<double> kernels64 = table<double>();

}  // namespace gruvy::GRUVY_NS
