// Back through time: chunk by chunk of steps, the recurrence and then the products over its rows.
#pragma once

#include "products.hpp"
#include "rows.hpp"
#include "team.hpp"
#include "workspace.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Backward {
    static constexpr int L = Vec<T>::lanes;
    static constexpr std::int32_t from_initial = -1, from_zero = -2;  // else the step whose state a step took
    const BackwardArgs<T> &a;
    Shape s;
    T *dc;
    Split split;
    Gradients<T> cell;
    Products<T> products;
    Index padded, target, limit;  // a chunk has at least `target` rows, if there are, and less than `limit`
    T *zero, *carry, *saved;
    std::int32_t *before;  // (T + 1, B): from_..., or the step that a step's state comes from
    struct Link {
        const T *da;   // gate gradients of the step that took the state
        bool cut;      // none took it: a restart lies between
    } *link;           // per thread and row
    BackRow<T> *rows;  // per thread
    T **initials;      // per thread: rows of dh
    Index *begin;      // per thread and step of the chunk
    bool *some;        // per thread and step: a row's gradient comes from a later step
    Deal deal;
    Barrier all, *barrier;

    explicit Backward(const BackwardArgs<T> &args) : a(args), s(args.shape) {
        split = Split::of(s.B, blocks_of(s.H, L), most(1, args.threads));
        padded = blocks_of(s.H, L) * L;
        const Index across = blocks_of(most(1, s.H), tuning::chunk_lanes) * tuning::chunk_lanes;
        target = most(tuning::least_chunk_rows,
                      least(tuning::most_chunk_rows, tuning::chunk_bytes / (4 * across * Index(sizeof(T)))));
        limit = most(s.B, least(target + s.B, s.T * s.B)) + 1;
        cell.H = s.H, cell.keeps = a.convention.keeps;
        dc = !a.dmore ? a.dc : a.convention.after ? a.dmore + 2 * s.H : nullptr;
    }

    void cut(Arena &arena) {
        Index n = split.threads();
        cell.w = BackPanels<T>::cut(arena, s, a.convention, a.dx.p);
        products.cut(arena, s, a.convention.after, n, limit);
        products.w = cell.w;
        products.dW = a.dW, products.dU = a.dU, products.db = a.db, products.dc = dc;
        zero = arena.take<T>(4 * padded);
        carry = arena.take<T>(s.B * padded);
        saved = arena.take<T>(s.B * 4 * padded);
        before = a.steps.plain() ? nullptr : arena.take<std::int32_t>((s.T + 1) * s.B);
        link = arena.take<Link>(n * s.B);
        rows = arena.take<BackRow<T>>(n * limit);
        initials = arena.take<T *>(n * s.B);
        begin = arena.take<Index>(n * (limit + 1));
        some = arena.take<bool>(n * limit);
        deal = Deal::cut(arena, s.T, s.B, split.row_parts);
        barrier = arena.take<Barrier>(split.row_parts);
    }

    void run() {
        Arena arena;
        cut(arena);
        char *block = static_cast<char *>(workspace_take(arena.used));
        arena = Arena{block};
        cut(arena);
        for (Index j = 0; j < 4 * padded; j++) zero[j] = 0;
        if (padded != s.H)  // lanes beyond H meet zeros of the panels, and must be numbers
            for (auto &chunk : products.chunk)
                for (Index i = 0; i < limit * 4 * padded; i++) chunk.da[i] = 0;
        for (Index p = 0; p < split.row_parts; p++) barrier[p] = Barrier();
        deal.fill(a.steps, s.T, s.B, split.row_parts);
        bool done = run_team(*this, split.threads());
        workspace_give(block);
        if (!done) {
            BackwardArgs<T> alone = a;
            alone.threads = 1;
            Backward(alone).run();
        } else if (a.dmore) {
            for (Index i = 0; i < (a.convention.after ? 2 : 3) * s.H; i++) a.dmore[i] = a.db[i];
        }
    }

    void work(Index thread) {
        const Index n = split.threads(), row_part = thread / split.unit_parts, unit_part = thread % split.unit_parts;
        const Index first = unit_part * cell.w.blocks / split.unit_parts;
        const Index last = (unit_part + 1) * cell.w.blocks / split.unit_parts;
        const bool owner = unit_part == 0;
        auto meet = [&] {
            if (n > 1) all.wait(int(n));
        };
        cell.w.fill(a.weights, s, thread, n);
        clear(thread, n);
        if (owner) prepare(row_part);
        meet();
        Link *at = link + thread * s.B;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            at[b] = {zero, before && before[s.T * s.B + b] == from_zero};
        }
        const BackRow<T> *mine = rows + thread * limit;
        const Index *start = begin + thread * (limit + 1);
        int turn = 0;
        for (Index left = s.B ? s.T : 0; left > 0; turn ^= 1) {
            const auto &chunk = products.chunk[turn];
            Index steps, count = scan(thread, row_part, owner, left, chunk.da, steps);
            for (Index i = 0; i < steps; i++)
                if (start[i + 1] > start[i])
                    step(mine + start[i], start[i + 1] - start[i], first, last, some[thread * limit + i], row_part);
            const Index low = unit_part * start[steps] / split.unit_parts;
            products.bring(chunk, mine + low, (unit_part + 1) * start[steps] / split.unit_parts - low);
            keep(thread, row_part, owner, products.chunk[turn ^ 1].da);
            // From here on every thread is done with the other chunk, and this one is whole.
            meet();
            products.run(thread, chunk, count);
        }
        initial(thread, row_part, first, last);
    }

    // Gate gradients that a row's next step back will need, and whose chunk is about to be overwritten.
    void keep(Index thread, Index row_part, bool owner, const T *chunk) {
        Link *at = link + thread * s.B;
        bool kept = false;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            if (at[b].da < chunk || at[b].da >= chunk + limit * 4 * padded) continue;
            T *to = saved + b * 4 * padded;
            for (Index j = 0; owner && j < 4 * padded; j++) to[j] = at[b].da[j];
            at[b].da = to;
            kept = true;
        }
        if (kept) wait(row_part);
    }

    void step(const BackRow<T> *r, Index count, Index first, Index last, bool any, Index row_part) {
        if (a.convention.after) {
            cell.after(r, count, first, last, any);
        } else {
            cell.before_state(r, count, first, last, any);
            wait(row_part);
            cell.before_gates(r, count, first, last);
        }
        wait(row_part);
    }

    // The active rows of the next steps back from step `left`, at least `target` of them if there are: this thread's
    // into its list, all counted, so that a row's place does not depend on the threads. Steps without a row are passed
    // over, so that it does not depend on padding either; `steps` counts the others.
    Index scan(Index thread, Index row_part, bool owner, Index &left, T *da, Index &steps) {
        BackRow<T> *out = rows + thread * limit;
        Link *at = link + thread * s.B;
        Index *start = begin + thread * (limit + 1), count = 0, own = 0;
        steps = 0;
        while (left > 0 && count < target) {
            const Index p = --left, t = a.steps.reverse ? s.T - 1 - p : p, before_it = count;
            start[steps] = own;
            bool any = false;
            for (Index b = 0; b < s.B; b++) {
                bool on = valid(a.steps, t, b);
                if (deal.part[b] == row_part) {
                    if (on) {
                        any |= add(out[own++], at[b], p, t, b, count, da);
                    } else if (owner && a.dx.p) {
                        T *dx = a.dx.at(t, b);
                        for (Index i = 0; i < s.I; i++) dx[i] = 0;
                    }
                }
                count += on;
            }
            some[thread * limit + steps] = any;
            steps += count > before_it;
        }
        start[steps] = own;
        return count;
    }

    bool add(BackRow<T> &r, Link &at, Index p, Index t, Index b, Index place, T *da) {
        Index from = before ? before[p * s.B + b] : p - 1;
        if (from >= 0)
            r.h = a.y.at(a.steps.reverse ? s.T - 1 - from : from, b);
        else
            r.h = from == from_initial && a.h ? a.h + b * s.H : zero;
        r.g = a.gates.at(t, b);
        r.dy = a.dy.p ? a.dy.at(t, b) : nullptr;
        r.next = at.cut ? zero : at.da;
        r.carry = carry + b * padded;
        r.in = at.cut ? zero : r.carry;
        r.da = da + place * 4 * padded;
        r.place = place;
        r.x = a.x.at(t, b);
        r.dx = a.dx.p ? a.dx.at(t, b) : nullptr;
        at = {r.da, from == from_zero};
        return r.next != zero;
    }

    // For the rows of a part: where each step's state comes from, and what the last state's gradient is.
    void prepare(Index row_part) {
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            for (Index j = 0; j < padded; j++)
                carry[b * padded + j] = a.dh_last && j < s.H ? a.dh_last[b * s.H + j] : 0;
            if (!before) continue;
            std::int32_t from = from_initial;
            for (Index p = 0; p < s.T; p++) {
                Index t = a.steps.reverse ? s.T - 1 - p : p;
                if (restarted(a.steps, t, b)) from = from_zero;
                before[p * s.B + b] = from;
                if (valid(a.steps, t, b)) from = std::int32_t(p);
            }
            before[s.T * s.B + b] = from;
        }
    }

    void clear(Index thread, Index n) {
        Index low = thread * 3 * s.H / n, high = (thread + 1) * 3 * s.H / n;
        for (Index i = low * s.I; i < high * s.I; i++) a.dW[i] = 0;
        for (Index i = low * s.H; i < high * s.H; i++) a.dU[i] = 0;
        for (Index i = low; i < high; i++) a.db[i] = 0;
        for (Index i = low; i < high && dc; i++)
            if (i < s.H) dc[i] = 0;
    }

    void initial(Index thread, Index row_part, Index first, Index last) {
        BackRow<T> *r = rows + thread * limit;
        T **out = initials + thread * s.B;
        Index count = 0;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++, count++) {
            Index b = deal.row[i];
            const Link &at = link[thread * s.B + b];
            r[count].next = at.cut ? zero : at.da;
            r[count].in = at.cut ? zero : carry + b * padded;
            r[count].dy = nullptr;
            out[count] = a.dh + b * s.H;
        }
        cell.initial(r, out, count, first, last);
    }

    void wait(Index row_part) {
        if (split.unit_parts > 1) barrier[row_part].wait(int(split.unit_parts));
    }
};

template <class T> void backward(const BackwardArgs<T> &a) { Backward<T>(a).run(); }

}  // namespace gruvy::GRUVY_NS
