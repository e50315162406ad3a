// The most fused multiply-adds this instruction set can do: accumulators that never leave their registers.
#pragma once

#include "engine.hpp"
#include "simd.hpp"

namespace gruvy::GRUVY_NS {

// Runs `rounds` rounds and returns the floating-point operations of all; `out` keeps them from being optimised away.
template <class T> double peak(Index rounds, T *out) {
    using V = Vec<T>;
    constexpr int n = 12;  // more chains than latency times throughput needs, fewer than the registers
    V acc[n];
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) acc[i] = V::set(T(i));
    V a = V::set(T(0.999)), b = V::set(T(0.001));
    for (Index k = 0; k < rounds; k++) {
#pragma GCC unroll 16
        for (int i = 0; i < n; i++) {
            acc[i] = fma(acc[i], a, b);
            acc[i].keep();  // else rounds could be joined
        }
    }
    V sum = acc[0];
#pragma GCC unroll 16
    for (int i = 1; i < n; i++) sum = sum + acc[i];
    sum.store(out);
    return 2.0 * n * V::lanes * double(rounds);
}

}  // namespace gruvy::GRUVY_NS
