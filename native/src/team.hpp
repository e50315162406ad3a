// The threads of one call.
#pragma once

#include "pool.hpp"
#include "tile.hpp"

namespace gruvy::GRUVY_NS {

// Calls team.work(thread) on `threads` threads at once. False, and nothing done, if so many could not be had.
template <class Team> bool run_team(Team &team, Index threads) {
    struct Call {
        Team &team;
        int wanted, refused;
    } call{team, int(threads), 0};
    parallel(int(threads), [](void *context, int thread, int had) {
        Call &c = *static_cast<Call *>(context);
        if (had == c.wanted)
            c.team.work(thread);
        else if (thread == 0)
            c.refused = 1;
    }, &call);
    return !call.refused;
}

}  // namespace gruvy::GRUVY_NS
