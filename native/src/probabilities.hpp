// Probabilities from the numbers of a read-out, in their place: a softmax of each row, or a sigmoid of each number.
#pragma once

#include "activations.hpp"

namespace gruvy::GRUVY_NS {

// e^-d for d >= 0, through the numbers below the normal ones down to 0; NaN passes.
template <class T> GRUVY_INLINE Vec<T> falling(Vec<T> d) {
    using V = Vec<T>;
    constexpr int up = 64;  // 2^up e^-d is a normal number wherever e^-d is not 0
    auto [s, p] = exponential<T, up>(min(V::set(Exponential<T>::gone), d));
    return fma(s, p, s) * V::set(T(0x1p-64));
}

// Over the last axis of p (rows, K). A row with NaN or +infinity becomes NaN. The sum is made in double, in the order
// of the row, so it has the same bits on every instruction set.
template <class T> void softmax(Index rows, Index K, T *p) {
    constexpr Index L = Vec<T>::lanes;
    for (T *end = p + rows * K; p != end; p += K) {
        T top = p[0];
        for (Index k = 1; k < K; k++) top = p[k] > top ? p[k] : top;
        for (Index k = 0; k < K; k += L) {
            const int n = int(least(L, K - k));
            falling(Vec<T>::set(top) - Vec<T>::load(p + k, n)).store(p + k, n);
        }
        double sum = 0;
        for (Index k = 0; k < K; k++) sum += p[k];
        const T whole = T(sum);
        for (Index k = 0; k < K; k++) p[k] /= whole;
    }
}

template <class T> void sigmoids(Index count, T *p) {
    constexpr Index L = Vec<T>::lanes;
    for (Index k = 0; k < count; k += L) {
        const int n = int(least(L, count - k));
        sigmoid(Vec<T>::load(p + k, n)).store(p + k, n);
    }
}

}  // namespace gruvy::GRUVY_NS
