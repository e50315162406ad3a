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
    const BackwardArgs<T> &args;
    Shape s;
    T *dc;
    Split split;
    Gradients<T> cell;
    Products<T> products;
    Index padded, target, limit;  // a chunk has at least `target` rows, if there are, and less than `limit`
    T *zeros, *carry, *saved_gates;
    std::int32_t *source;  // (T + 1, B): from_..., or the step that a step's state comes from
    struct Link {
        const T *da;   // gate gradients of the step that took the state
        bool cut;      // none took it: a restart lies between
    } *links;          // per thread and row
    BackRow<T> *rows;  // per thread
    T **dh_rows;       // per thread: rows of dh
    Index *row_begin;  // per thread and step of the chunk
    bool *has_later;   // per thread and step: a row's gradient comes from a later step
    Deal deal;
    Barrier all, *barrier;

    explicit Backward(const BackwardArgs<T> &arguments) : args(arguments), s(args.shape) {
        split = Split::of(s.B, blocks_of(s.H, L), most(1, args.threads));
        padded = blocks_of(s.H, L) * L;
        const Index across = blocks_of(most(1, s.H), tuning::chunk_lanes) * tuning::chunk_lanes;
        target = most(tuning::least_chunk_rows,
                      least(tuning::most_chunk_rows, tuning::chunk_bytes / (4 * across * Index(sizeof(T)))));
        limit = most(s.B, least(target + s.B, s.T * s.B)) + 1;
        cell.H = s.H, cell.keeps = args.convention.keeps;
        dc = !args.dmore ? args.dc : args.convention.after ? args.dmore + 2 * s.H : nullptr;
    }

    void cut(Arena &arena) {
        Index n = split.threads();
        cell.panels = BackPanels<T>::cut(arena, s, args.convention, args.dx.p);
        products.cut(arena, s, args.convention.after, n, limit);
        products.weights = cell.panels;
        products.dW = args.dW, products.dU = args.dU, products.db = args.db, products.dc = dc;
        zeros = arena.take<T>(4 * padded);
        carry = arena.take<T>(s.B * padded);
        saved_gates = arena.take<T>(s.B * 4 * padded);
        source = args.steps.plain() ? nullptr : arena.take<std::int32_t>((s.T + 1) * s.B);
        links = arena.take<Link>(n * s.B);
        rows = arena.take<BackRow<T>>(n * limit);
        dh_rows = arena.take<T *>(n * s.B);
        row_begin = arena.take<Index>(n * (limit + 1));
        has_later = arena.take<bool>(n * limit);
        deal = Deal::cut(arena, s.T, s.B, split.row_parts);
        barrier = arena.take<Barrier>(split.row_parts);
    }

    void run() {
        Arena arena;
        cut(arena);
        char *block = static_cast<char *>(workspace_take(arena.used));
        arena = Arena{block};
        cut(arena);
        for (Index j = 0; j < 4 * padded; j++) zeros[j] = 0;
        if (padded != s.H)  // lanes beyond H meet zeros of the panels, and must be numbers
            for (auto &chunk : products.chunk)
                for (Index i = 0; i < limit * 4 * padded; i++) chunk.da[i] = 0;
        for (Index p = 0; p < split.row_parts; p++) barrier[p] = Barrier();
        deal.fill(args.steps, s.T, s.B, split.row_parts);
        bool done = run_team(*this, split.threads());
        workspace_give(block);
        if (!done) {
            BackwardArgs<T> alone = args;
            alone.threads = 1;
            Backward(alone).run();
        } else if (args.dmore) {
            for (Index i = 0; i < (args.convention.after ? 2 : 3) * s.H; i++) args.dmore[i] = args.db[i];
        }
    }

    void work(Index thread) {
        const Index n = split.threads(), row_part = thread / split.unit_parts, unit_part = thread % split.unit_parts;
        const Index first = unit_part * cell.panels.blocks / split.unit_parts;
        const Index last = (unit_part + 1) * cell.panels.blocks / split.unit_parts;
        const bool owner = unit_part == 0;
        auto meet = [&] {
            if (n > 1) all.wait(int(n));
        };
        cell.panels.fill(args.weights, s, thread, n);
        clear(thread, n);
        if (owner) prepare(row_part);
        meet();
        Link *at = links + thread * s.B;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            at[b] = {zeros, source && source[s.T * s.B + b] == from_zero};
        }
        const BackRow<T> *mine = rows + thread * limit;
        const Index *start = row_begin + thread * (limit + 1);
        int turn = 0;
        for (Index left = s.B ? s.T : 0; left > 0; turn ^= 1) {
            const auto &chunk = products.chunk[turn];
            Index steps, count = scan(thread, row_part, owner, left, chunk.da, steps);
            for (Index i = 0; i < steps; i++)
                if (start[i + 1] > start[i])
                    step(mine + start[i], start[i + 1] - start[i], first, last, has_later[thread * limit + i],
                         row_part);
            const Index low = unit_part * start[steps] / split.unit_parts;
            products.bring(chunk, mine + low, (unit_part + 1) * start[steps] / split.unit_parts - low);
            keep(thread, row_part, owner, products.chunk[turn ^ 1].da);
            if (thread == 0) chunk.fetched = 0;
            // From here on every thread is done with the other chunk, and this one is whole.
            meet();
            products.run(thread, chunk, count);
        }
        initial(thread, row_part, first, last);
    }

    // Gate gradients that a row's next step back will need, and whose chunk is about to be overwritten.
    void keep(Index thread, Index row_part, bool owner, const T *chunk) {
        Link *at = links + thread * s.B;
        bool kept = false;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            if (at[b].da < chunk || at[b].da >= chunk + limit * 4 * padded) continue;
            T *to = saved_gates + b * 4 * padded;
            for (Index j = 0; owner && j < 4 * padded; j++) to[j] = at[b].da[j];
            at[b].da = to;
            kept = true;
        }
        if (kept) wait(row_part);
    }

    void step(const BackRow<T> *r, Index count, Index first, Index last, bool any, Index row_part) {
        if (args.convention.after) {
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
        Link *at = links + thread * s.B;
        Index *start = row_begin + thread * (limit + 1), count = 0, own = 0;
        steps = 0;
        while (left > 0 && count < target) {
            const Index p = --left, t = args.steps.reverse ? s.T - 1 - p : p, before_it = count;
            start[steps] = own;
            bool any = false;
            for (Index b = 0; b < s.B; b++) {
                bool on = valid(args.steps, t, b);
                if (deal.part[b] == row_part) {
                    if (on) {
                        any |= add(out[own++], at[b], p, t, b, count, da);
                    } else if (owner && args.dx.p) {
                        T *dx = args.dx.at(t, b);
                        for (Index i = 0; i < s.I; i++) dx[i] = 0;
                    }
                }
                count += on;
            }
            has_later[thread * limit + steps] = any;
            steps += count > before_it;
        }
        start[steps] = own;
        return count;
    }

    bool add(BackRow<T> &r, Link &at, Index p, Index t, Index b, Index place, T *da) {
        Index from = source ? source[p * s.B + b] : p - 1;
        if (from >= 0)
            r.h = args.y.at(args.steps.reverse ? s.T - 1 - from : from, b);
        else
            r.h = from == from_initial && args.h ? args.h + b * s.H : zeros;
        r.gates = args.gates.at(t, b);
        r.dy = args.dy.p ? args.dy.at(t, b) : nullptr;
        r.later = at.cut ? zeros : at.da;
        r.carry = carry + b * padded;
        r.carried = at.cut ? zeros : r.carry;
        r.da = da + place * 4 * padded;
        r.place = place;
        r.x = args.x.at(t, b);
        r.dx = args.dx.p ? args.dx.at(t, b) : nullptr;
        at = {r.da, from == from_zero};
        return r.later != zeros;
    }

    // For the rows of a part: where each step's state comes from, and what the last state's gradient is.
    void prepare(Index row_part) {
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            for (Index j = 0; j < padded; j++)
                carry[b * padded + j] = args.dh_last && j < s.H ? args.dh_last[b * s.H + j] : 0;
            if (!source) continue;
            std::int32_t from = from_initial;
            for (Index p = 0; p < s.T; p++) {
                Index t = args.steps.reverse ? s.T - 1 - p : p;
                if (restarted(args.steps, t, b)) from = from_zero;
                source[p * s.B + b] = from;
                if (valid(args.steps, t, b)) from = std::int32_t(p);
            }
            source[s.T * s.B + b] = from;
        }
    }

    void clear(Index thread, Index n) {
        Index low = thread * 3 * s.H / n, high = (thread + 1) * 3 * s.H / n;
        for (Index i = low * s.I; i < high * s.I; i++) args.dW[i] = 0;
        for (Index i = low * s.H; i < high * s.H; i++) args.dU[i] = 0;
        for (Index i = low; i < high; i++) args.db[i] = 0;
        for (Index i = low; i < high && dc; i++)
            if (i < s.H) dc[i] = 0;
    }

    void initial(Index thread, Index row_part, Index first, Index last) {
        BackRow<T> *r = rows + thread * limit;
        T **out = dh_rows + thread * s.B;
        Index count = 0;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++, count++) {
            Index b = deal.row[i];
            const Link &at = links[thread * s.B + b];
            r[count].later = at.cut ? zeros : at.da;
            r[count].carried = at.cut ? zeros : carry + b * padded;
            r[count].dy = nullptr;
            out[count] = args.dh + b * s.H;
        }
        cell.initial(r, out, count, first, last);
    }

    void wait(Index row_part) {
        if (split.unit_parts > 1) barrier[row_part].wait(int(split.unit_parts));
    }
};

template <class T> void backward(const BackwardArgs<T> &args) { Backward<T>(args).run(); }

}  // namespace gruvy::GRUVY_NS
