// One step backward over register tiles: the gradient of the state, then those of the gates while it is at hand.
//
// A row of gate gradients holds four slots of whole vectors: a_n, a_r, a_z and, with reset after, q (else r ∘ h, which
// the gradient of U_n needs). So [a_n a_r a_z] meets W, and [a_r a_z q], or [a_r a_z] and [a_n], meet U.
#pragma once

#include "pack.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct BackRow {
    Index place;         // among the rows of its chunk
    const T *x;          // input
    T *dx;               // its gradient, or null
    const T *gates, *h;  // gates; the state before the step
    const T *dy;         // or null
    const T *later;      // gate gradients of the step that took this one's state; zeros where none did
    const T *carried;    // the part of the gradient that passed by that step's products
    T *carry;            // the same for the step before
    T *da;               // gate gradients of this step
};

// Panels of U's and W's columns.
template <class T> struct BackPanels {
    T *U, *Un, *W;  // reset after: U over k = r, z, n; before: U over r, z and Un over n. W over n, r, z
    Index padded, blocks, blocks_x, size_U, size_Un, size_W;
    int slots;  // of gate gradients that meet U

    template <class A> static BackPanels cut(A &arena, const Shape &s, const Convention &convention, bool needs_dx) {
        constexpr int L = Vec<T>::lanes;
        BackPanels panels;
        panels.blocks = blocks_of(s.H, L);
        panels.blocks_x = needs_dx ? blocks_of(s.I, L) : 0;
        panels.padded = panels.blocks * L;
        panels.slots = convention.after ? 3 : 2;
        panels.size_U = panels.slots * panels.padded * L;
        panels.size_Un = convention.after ? 0 : panels.padded * L;
        panels.size_W = 3 * panels.padded * L;
        panels.U = arena.template take<T>(panels.blocks * panels.size_U);
        panels.Un = arena.template take<T>(panels.blocks * panels.size_Un);
        panels.W = arena.template take<T>(panels.blocks_x * panels.size_W);
        return panels;
    }

    void pack_gate(T *dst, const T *src, Index stride, Index n, Index H) const {
        constexpr int L = Vec<T>::lanes;
        pack_columns(dst, src, stride, n, H);
        for (Index i = H * L; i < padded * L; i++) dst[i] = 0;
    }
    void fill(const Weights<T> &weights, const Shape &s, Index part, Index parts) const {
        constexpr int L = Vec<T>::lanes;
        const Index square = s.H * s.H;
        for (Index j = part * blocks / parts; j < (part + 1) * blocks / parts; j++) {
            T *u = U + j * size_U;
            const T *column = weights.U + j * L;
            pack_gate(u, column, s.H, s.H - j * L, s.H);
            pack_gate(u + padded * L, column + square, s.H, s.H - j * L, s.H);
            pack_gate(size_Un ? Un + j * size_Un : u + 2 * padded * L, column + 2 * square, s.H, s.H - j * L, s.H);
        }
        for (Index i = part * blocks_x / parts; i < (part + 1) * blocks_x / parts; i++)
            for (Index slot = 0; slot < 3; slot++)
                pack_gate(W + i * size_W + slot * padded * L, weights.W + (slot + 2) % 3 * s.H * s.I + i * L, s.I,
                          s.I - i * L, s.H);
    }
};

// A product over several slots of gate gradients: one sum, or, where that would be long, one or more for each slot.
template <class T> struct SlotFactors {
    Factor<T> factor[3];
    int count;

    SlotFactors(const T *panels, Index panel_size, int slots, Index padded, Index H) {
        const bool apart = 3 * H > tuning::longest_chain;
        count = apart && slots > 0 ? slots : 1;
        for (int f = 0; f < count; f++)
            factor[f] = {panels + f * padded * Vec<T>::lanes, panel_size, padded * slots / count, apart};
    }
};

template <class T> struct Gradients {
    using V = Vec<T>;
    static constexpr int L = V::lanes;
    BackPanels<T> panels;
    Index H;
    bool keeps;

    // The sum in vector i of a tile. A sum that underflows to -0 becomes 0 where zeros of the padding follow, of which
    // longer vectors have more: it is 0 everywhere.
    GRUVY_INLINE static V sum(const Tile<T, 1> &tile, int i) { return V::load(tile.acc + i * L) + V::zero(); }

    // acc + what came by: the whole gradient of the state after this row's step.
    GRUVY_INLINE V state(const BackRow<T> &row, V acc, Index j) const {
        V dh = acc + V::load(row.carried + j);
        return row.dy ? dh + load_up_to<T>(row.dy + j, H - j) : dh;
    }

    // h' = blend(z, n, h): what goes to n's and z's sums and what passes to h.
    struct Blend {
        V an, az, pass;
    };
    GRUVY_INLINE Blend blend(V dh, V z, V n, V h) const {
        V part = z * dh, rest = fnma(z, dh, dh), d = dh * (h - n);
        V dn = keeps ? rest : part, dz = keeps ? d : V::zero() - d;
        return {dn * fnma(n, n, V::set(T(1))), dz * fnma(z, z, z), keeps ? part : rest};
    }

    // Brings what the end of a tile will read into the first cache while its product is made.
    GRUVY_INLINE void fetch(const Tile<T, 1> &tile, const BackRow<T> *rows, int gates) const {
        for (int r = 0; r < tile.R; r++) {
            const BackRow<T> &row = rows[tile.row + r];
            for (Index j = tile.block * L; j < (tile.block + tile.P) * L; j += 64 / Index(sizeof(T))) {
                for (int g = 0; g < gates; g++) __builtin_prefetch(row.gates + g * H + j);
                __builtin_prefetch(row.h + j);
                if (row.dy) __builtin_prefetch(row.dy + j);
            }
        }
    }

    // Gate gradients of the later step times U; no sum where no row has any. Rows of no step have no gates to fetch.
    template <bool Step = true, class End> GRUVY_INLINE void product(const BackRow<T> *rows, Index count, Index first,
                                                                     Index last, bool some, const End &end) const {
        const SlotFactors<T> u(panels.U, panels.size_U, some ? panels.slots : 0, panels.padded, H);
        for_tiles<T, 1>(count, first, last, u.factor, u.count, [&](int f, const Tile<T, 1> &tile) {
            if (f == 0) {
                tile.clear();
                if (Step) fetch(tile, rows, panels.size_Un ? 3 : 4);
            }
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].later + (f + 1) * panels.padded;
        }, end);
    }

    void after(const BackRow<T> *rows, Index count, Index first, Index last, bool some) const {
        product(rows, count, first, last, some, [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index j, int i) {
                const BackRow<T> &row = rows[at];
                const Index left = H - j;
                V r = load_up_to<T>(row.gates + j, left), z = load_up_to<T>(row.gates + H + j, left);
                V n = load_up_to<T>(row.gates + 2 * H + j, left), q = load_up_to<T>(row.gates + 3 * H + j, left);
                Blend d = blend(state(row, sum(tile, i), j), z, n, load_up_to<T>(row.h + j, left));
                store_up_to<T>(row.da + j, d.an, left);
                store_up_to<T>(row.da + panels.padded + j, d.an * q * fnma(r, r, r), left);
                store_up_to<T>(row.da + 2 * panels.padded + j, d.az, left);
                store_up_to<T>(row.da + 3 * panels.padded + j, d.an * r, left);
                d.pass.store(row.carry + j);
            });
        });
    }

    // reset before, first phase: a_n and a_z.
    void before_state(const BackRow<T> *rows, Index count, Index first, Index last, bool some) const {
        product(rows, count, first, last, some, [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index j, int i) {
                const BackRow<T> &row = rows[at];
                const Index left = H - j;
                V z = load_up_to<T>(row.gates + H + j, left), n = load_up_to<T>(row.gates + 2 * H + j, left);
                Blend d = blend(state(row, sum(tile, i), j), z, n, load_up_to<T>(row.h + j, left));
                store_up_to<T>(row.da + j, d.an, left);
                store_up_to<T>(row.da + 2 * panels.padded + j, d.az, left);
                d.pass.store(row.carry + j);
            });
        });
    }

    // reset before, second phase: through U_n (r ∘ h) to a_r and the state.
    void before_gates(const BackRow<T> *rows, Index count, Index first, Index last) const {
        const SlotFactors<T> u(panels.Un, panels.size_Un, 1, panels.padded, H);
        for_tiles<T, 1>(count, first, last, u.factor, 1, [&](int, const Tile<T, 1> &tile) {
            tile.clear();
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].da;
        }, [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index j, int i) {
                const BackRow<T> &row = rows[at];
                const Index left = H - j;
                V d = sum(tile, i), r = load_up_to<T>(row.gates + j, left);
                V h = load_up_to<T>(row.h + j, left);
                store_up_to<T>(row.da + panels.padded + j, d * h * fnma(r, r, r), left);
                store_up_to<T>(row.da + 3 * panels.padded + j, r * h, left);
                (V::load(row.carry + j) + d * r).store(row.carry + j);
            });
        });
    }

    // The gradient of the initial state, into out (row b at b H).
    void initial(const BackRow<T> *rows, T *const *out, Index count, Index first, Index last) const {
        product<false>(rows, count, first, last, true, [&](const Tile<T, 1> &tile) {
            tile.each(
                [&](Index r, Index j, int i) { store_up_to<T>(out[r] + j, state(rows[r], sum(tile, i), j), H - j); });
        });
    }
};

}  // namespace gruvy::GRUVY_NS
