// The logistic sigmoid and tanh of a vector, for float and double, each within 2 ulp of the exact value.
//
// e^a = 2^n (1 + p), a = n ln 2 + r, |r| <= ln 2 / 2, p = e^r - 1 = r + r^2 q(r). Keeping p, not 1 + p, saves the
// digits that would be lost near e^a = 1: every sum below then rounds once. With s = 2^n:
//     sigmoid(x) = 1 / (1 + s + s p)                  at e^-x
//     tanh|x|    = (1 - s - s p) / (1 + s + s p)      at e^-2|x|
// Only additions, products, fma, one division and shifts of the exponent: the same bits on every instruction set.
#pragma once

#include "simd.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Exponential;

template <> struct Exponential<float> {
    static constexpr float inverse_ln2 = 0x1.715476p+0f, ln2 = 0x1.62e43p-1f, ln2_rest = -0x1.05c61p-29f;
    // sigmoid(low) is the smallest normal number; below it the result stays there. sigmoid(high) and tanh(flat) are 1.
    static constexpr float low = -0x1.5d589ep+6f, high = 20.0f, flat = 10.0f;
    static constexpr float gone = 104.0f;  // e^-gone is 0, even among the numbers below the normal ones
    // Minimax in the relative error of p: 2^-26. In two halves, which wait less for each other.
    template <class V> static GRUVY_INLINE V q(V r, V rr) {
        V low = fma(V::set(0x1.5554aap-3f), r, V::set(0.5f));
        V high = fma(V::set(0x1.122c5p-7f), r, V::set(0x1.555538p-5f));
        high = fma(V::set(0x1.6cd7d6p-10f), rr, high);
        return fma(high, rr, low);
    }
};

template <> struct Exponential<double> {
    static constexpr double inverse_ln2 = 0x1.71547652b82fep+0, ln2 = 0x1.62e42fefa39efp-1,
                            ln2_rest = 0x1.abc9e3b39803fp-56;
    static constexpr double low = -0x1.6232bdd7abcd2p+9, high = 40.0, flat = 20.0, gone = 746.0;
    // Minimax in the relative error of p: 2^-61.
    template <class V> static GRUVY_INLINE V q(V r, V) {
        V s = V::set(0x1.1f852891ba9fdp-29);
        s = fma(s, r, V::set(0x1.af5f5be47e27fp-26));
        s = fma(s, r, V::set(0x1.27e4d097baf62p-22));
        s = fma(s, r, V::set(0x1.71ddf7f71d448p-19));
        s = fma(s, r, V::set(0x1.a01a01ab4dccdp-16));
        s = fma(s, r, V::set(0x1.a01a01b00b638p-13));
        s = fma(s, r, V::set(0x1.6c16c16c1571bp-10));
        s = fma(s, r, V::set(0x1.111111110f648p-7));
        s = fma(s, r, V::set(0x1.5555555555557p-5));
        s = fma(s, r, V::set(0x1.5555555555559p-3));
        return fma(s, r, V::set(0.5));
    }
};

// The two parts of e^-a: s = 2^n and p = e^-a / s - 1; or of 2^up e^-a, for a where that is a normal number. NaN gives
// p = NaN.
template <class T> struct PowerAndRest {
    Vec<T> s, p;
};

template <class T, int up = 0> GRUVY_INLINE PowerAndRest<T> exponential(Vec<T> a) {
    using V = Vec<T>;
    using E = Exponential<T>;
    const V magic = V::set(Magic<T>::value);
    V t = fma(a, V::set(-E::inverse_ln2), magic);
    V n = t - magic;
    V r = fnms(n, V::set(E::ln2), a);  // exact: n ln2 and -a agree in all but the digits that r has room for
    r = fnma(n, V::set(E::ln2_rest), r);
    V rr = r * r;
    if constexpr (up) t = t + V::set(T(up));
    return {power2(t), fma(rr, E::q(r, rr), r)};
}

template <class T> GRUVY_INLINE Vec<T> sigmoid(Vec<T> x) {
    using V = Vec<T>;
    using E = Exponential<T>;
    // min and max give their second argument where one is NaN: NaN passes.
    const V one = V::set(T(1));
    auto [s, p] = exponential<T>(max(V::set(E::low), min(V::set(E::high), x)));
    const V c = one + s;
    // From s = 2^24 (2^53) on the sum c has no room for the 1: what it lost goes with s p.
    return one / (c + fma(s, p, one - (c - s)));
}

template <class T> GRUVY_INLINE Vec<T> tanh(Vec<T> x) {
    using V = Vec<T>;
    V a = min(V::set(Exponential<T>::flat), abs(x));
    const V one = V::set(T(1));
    auto [s, p] = exponential<T>(a + a);
    return with_sign(fnma(s, p, one - s) / fma(s, p, one + s), x);
}

}  // namespace gruvy::GRUVY_NS
