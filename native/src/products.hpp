// The products that span time: dW, dU, the bias gradients and dx of a chunk of rows (active row-steps).
//
// Their sums over rows are cut into blocks of fixed size, whatever the threads. Threads fetch hidden units of the
// results as they come for them, some tiles at a time, so that a slow core does less; who has a tile adds all blocks of
// the chunk to it in their order. So nothing is added across threads, and the gradients repeat bit for bit.
#pragma once

#include "grads.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Products {
    using V = Vec<T>;
    static constexpr int L = V::lanes, R = Limits<T>::rows;
    static constexpr Index packed_size = tuning::gradient_rows * R + tuning::panel_gap;

    Shape s;
    bool is_after;
    Index padded, blocks_x, blocks_h, tiles, some, threads, limit, panel_size;  // some: tiles that are fetched at once
    BackPanels<T> weights;
    T *dW, *dU, *db, *dc;
    T *packed;  // per thread: gate gradients of the units it is at, [slot][tile][row][R]
    // A chunk of up to `limit` rows: gate gradients (4 padded numbers each), inputs, and the panels of x, h and r ∘ h
    // by column, [panel][row][L]. Two of them: one is made while the other is still in use.
    struct Chunk {
        T *da, *panels;
        const T **x;
        mutable Index fetched;  // tiles that a thread has come for
    } chunk[2];

    Index slots() const { return is_after ? 4 : 3; }
    Index panel_count() const { return blocks_x + (is_after ? 1 : 2) * blocks_h; }

    template <class Ar> void cut(Ar &arena, const Shape &shape, bool after, Index n, Index rows) {
        s = shape, is_after = after, threads = n, limit = rows;
        blocks_h = blocks_of(s.H, L), padded = blocks_h * L;
        blocks_x = s.I > tuning::thin_inputs ? blocks_of(s.I, L) : 0;
        tiles = blocks_of(s.H, R), panel_size = limit * L + tuning::panel_gap;
        some = least(blocks_of(tiles, threads), most(tuning::fetched_tiles, blocks_of(tiles, 4 * threads)));
        packed = arena.template take<T>(threads * slots() * some * packed_size);
        for (Chunk &c : chunk) {
            c.da = arena.template take<T>(limit * 4 * padded + R);  // + R: see pack_gates
            c.panels = arena.template take<T>(panel_count() * panel_size);
            c.x = arena.template take<const T *>(limit);
        }
    }

    static Index blocks_in(Index rows) { return blocks_of(rows, tuning::gradient_rows); }

    // What rows bring to a chunk once their gate gradients are there: panels of x, h and r ∘ h. And their dx.
    void bring(const Chunk &c, const BackRow<T> *rows, Index count) const {
        for (Index i = 0; i < count; i++) {
            const BackRow<T> &row = rows[i];
            T *dst = c.panels + row.place * L;
            c.x[row.place] = row.x;
            for (Index j = 0; j < blocks_x; j++, dst += panel_size)
                load_up_to<T>(row.x + j * L, s.I - j * L).store(dst);
            for (Index j = 0; j < blocks_h; j++, dst += panel_size)
                load_up_to<T>(row.h + j * L, s.H - j * L).store(dst);
            for (Index j = 0; !is_after && j < blocks_h; j++, dst += panel_size)
                V::load(row.da + 3 * padded + j * L).store(dst);
        }
        if (!weights.blocks_x) return;
        const Index group = weights.blocks_x * weights.size_W * Index(sizeof(T)) <= tuning::dx_weights_near
                                ? tuning::waiting_rows
                                : most(1, count);
        for (Index i = 0; i < count; i += group) inputs(rows + i, least(group, count - i));
    }

    // One thread's share of the sums over the rows of a chunk, all of which are there and none of whose tiles is
    // fetched.
    void run(Index thread, const Chunk &c, Index rows) const {
        const Index parts = blocks_in(rows);
        for (Index first; (first = __atomic_fetch_add(&c.fetched, some, __ATOMIC_RELAXED)) < tiles;)
            for (Index part = 0; part < parts; part++)
                results(thread, c, part * rows / parts, (part + 1) * rows / parts, first, least(tiles, first + some));
        for (Index part = 0; part < parts; part++)
            sums(thread, c, part * rows / parts, (part + 1) * rows / parts - part * rows / parts);
    }

    // What the rows from one to another add to some tiles of dW and dU.
    void results(Index thread, const Chunk &c, Index from, Index to, Index first, Index last) const {
        const Index K = to - from;
        pack_gates(thread, c, from, K, first, last);
        const T *panels = c.panels + from * L;
        // Slots n, r, z with x; r, z, q with h, or r, z with h and n with r ∘ h.
        outer(thread, panels, blocks_x, 0, 3, first, last, K, dW, s.I);
        panels += blocks_x * panel_size;
        if (is_after) {
            outer(thread, panels, blocks_h, 1, 4, first, last, K, dU, s.H);
        } else {
            outer(thread, panels, blocks_h, 1, 3, first, last, K, dU, s.H);
            outer(thread, panels + blocks_h * panel_size, blocks_h, 0, 1, first, last, K, dU, s.H);
        }
    }

    T *packed_panel(Index thread, Index slot, Index i) const {
        return packed + ((thread * slots() + slot) * some + i) * packed_size;
    }

    // A tile of more rows than lanes may reach, by less than R numbers, past the last unit of its slot: into the next
    // slot or row, or behind the last row into the R numbers kept there. What it takes meets only rows of the result
    // beyond H, which are not kept.
    void pack_gates(Index thread, const Chunk &c, Index from, Index K, Index first, Index last) const {
        for (Index slot = 0; slot < slots(); slot++) {
            T *dst = packed_panel(thread, slot, 0);
            const T *src = c.da + from * 4 * padded + slot * padded + first * R;
            for (Index k = 0; k < K; k++)
                for (Index i = 0; i < last - first; i++)
                    __builtin_memcpy(dst + i * packed_size + k * R, src + k * 4 * padded + i * R, R * sizeof(T));
        }
    }

    // Adds the gate gradients of some slots times some panels to the result (3H, columns).
    void outer(Index thread, const T *panels, Index count, Index slot0, Index slot1, Index first, Index last, Index K,
               T *result, Index columns) const {
        Index j = 0;
        while (count - j >= 5 || count - j == 3) {
            group<3>(thread, panels, j, slot0, slot1, first, last, K, result, columns);
            j += 3;
        }
        for (; j + 2 <= count; j += 2) group<2>(thread, panels, j, slot0, slot1, first, last, K, result, columns);
        for (; j < count; j++) group<1>(thread, panels, j, slot0, slot1, first, last, K, result, columns);
    }

    template <int P>
    void group(Index thread, const T *panels, Index j, Index slot0, Index slot1, Index first, Index last, Index K,
               T *result, Index columns) const {
        alignas(64) T acc[R * P * L];
        for (Index slot = slot0; slot < slot1; slot++) {
            Index gate = slot == 3 ? 2 : (slot + 2) % 3;
            for (Index i = first; i < last; i++) {
                const T *a[R], *mine = packed_panel(thread, slot, i - first);
                for (int r = 0; r < R; r++) __builtin_prefetch(result + (gate * s.H + i * R + r) * columns + j * L, 1);
                for (int r = 0; r < R; r++) a[r] = mine + r;
                for (int v = 0; v < R * P; v++) V::zero().store(acc + v * L);
                multiply<T, R, P, 1, R>(acc, a, 1, panels + j * panel_size, panel_size, K, false);
                for (int r = 0; r < R && i * R + r < s.H; r++)
                    for (int p = 0; p < P; p++) {
                        Index at = (j + p) * L;
                        T *c = result + (gate * s.H + i * R + r) * columns + at;
                        store_up_to<T>(c, load_up_to<T>(c, columns - at) + V::load(acc + (r * P + p) * L),
                                       columns - at);
                    }
            }
        }
    }

    // Bias gradients, and dW where the inputs are few.
    void sums(Index thread, const Chunk &c, Index from, Index K) const {
        const Index low = thread * blocks_h / threads, high = (thread + 1) * blocks_h / threads;
        const Index inputs = s.I <= tuning::thin_inputs ? s.I : 0;
        for (Index slot = 0; slot < slots(); slot++)
            for (Index j = low; j < high; j++) {
                Index n = slot == 3 ? 0 : inputs;
                switch (n) {
                case 0: sum<0>(c, slot, j, from, K); break;
                case 1: sum<1>(c, slot, j, from, K); break;
                case 2: sum<2>(c, slot, j, from, K); break;
                case 3: sum<3>(c, slot, j, from, K); break;
                default: sum<4>(c, slot, j, from, K);
                }
            }
    }

    template <int I> void sum(const Chunk &c, Index slot, Index j, Index from, Index K) const {
        const T *src = c.da + from * 4 * padded + slot * padded + j * L;
        V total = V::zero(), acc[I + 1];
        for (int i = 0; i < I; i++) acc[i] = V::zero();
        for (Index k = 0; k < K; k++) {
            V d = V::load(src + k * 4 * padded);
            total = total + d;
            for (int i = 0; i < I; i++) acc[i] = fma(V::set(c.x[from + k][i]), d, acc[i]);
        }
        const Index gate = (slot + 2) % 3, row = gate * s.H + j * L, n = least(L, s.H - j * L);
        T *b = slot == 3 ? dc + j * L : db + row;
        if (b) store_up_to<T>(b, load_up_to<T>(b, n) + total, n);
        for (int i = 0; i < I; i++) {
            alignas(64) T lane[L];
            acc[i].store(lane);
            for (Index l = 0; l < n; l++) dW[(row + l) * I + i] += lane[l];
        }
    }

    // dx.
    void inputs(const BackRow<T> *rows, Index count) const {
        const SlotFactors<T> product(weights.W, weights.size_W, 3, padded, s.H);
        for_tiles<T, 1>(count, 0, weights.blocks_x, product.factor, product.count, [&](int f, const Tile<T, 1> &tile) {
            if (f == 0) tile.clear();
            for (int r = 0; r < tile.R; r++) tile.input[r] = rows[tile.row + r].da + f * padded;
        }, [&](const Tile<T, 1> &tile) {
            tile.each([&](Index at, Index j, int i) {
                store_up_to<T>(rows[at].dx + j, Gradients<T>::sum(tile, i), s.I - j);
            });
        });
    }
};

}  // namespace gruvy::GRUVY_NS
