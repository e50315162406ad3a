// The thread pool: every body runs once, barriers hold, several callers, nested calls, fork. Exit code 0 or 1.
// --fault: one barrier expects a thread too few, so that bodies overtake each other, and the program must fail.
#include "pool.hpp"

#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace gruvy;

namespace {

constexpr int most = 8;

// At each step every body writes its number and, after a barrier, adds up everyone's.
struct Relay {
    Barrier first, second;
    long number[most * 16] = {}, sum[most] = {};
    int ran[most] = {}, had = 0, steps = 20;
    bool fault = false;

    static void body(void *self, int thread, int threads) {
        Relay &r = *static_cast<Relay *>(self);
        r.ran[thread]++;
        if (thread == 0) r.had = threads;
        for (int step = 1; step <= r.steps; step++) {
            r.number[thread * 16] = step * (thread + 1);
            if (!r.fault) r.first.wait(threads);
            for (int i = 0; i < threads; i++) r.sum[thread] += r.number[i * 16];
            r.second.wait(threads);
        }
    }
    bool right(int threads) const {
        if (had != threads && had != 1) return false;
        long want = long(had) * (had + 1) / 2 * steps * (steps + 1) / 2;
        for (int i = 0; i < most; i++)
            if (ran[i] != (i < had) || (i < had && sum[i] != want)) return false;
        return true;
    }
};

bool run(int threads, bool fault = false) {
    Relay r;
    r.fault = fault;
    if (fault) r.steps = 2000;
    parallel(threads, Relay::body, &r);
    return r.right(threads);
}

struct Nested {
    bool ok[most] = {};
    static void body(void *self, int thread, int) {
        Relay r;
        parallel(2, Relay::body, &r);
        static_cast<Nested *>(self)->ok[thread] = r.had == 1 && r.right(1);
    }
};

// Pieces that whoever comes takes, in two phases; after the call nobody may look at them any more.
struct Taken {
    static constexpr int pieces = 40;
    int taken[2][pieces] = {}, times[2][pieces] = {}, bodies[most] = {};
    Count done;
    bool early = false;

    static void body(void *self, int thread, int) {
        Taken &t = *static_cast<Taken *>(self);
        t.bodies[thread]++;
        for (int phase = 0; phase < 2; phase++)
            for (int i = 0; i < pieces; i++) {
                if (phase == 1 && i == 0) t.done.wait(pieces);
                if (__atomic_exchange_n(&t.taken[phase][i], 1, __ATOMIC_RELAXED)) continue;
                t.times[phase][i]++;
                if (phase == 0) t.done.add();
                for (int k = 0; phase == 1 && k < pieces; k++)
                    if (t.times[0][k] != 1) __atomic_store_n(&t.early, true, __ATOMIC_RELAXED);
            }
    }
    bool right() const {
        bool ok = !early && bodies[0] == 1;
        for (int i = 1; i < most; i++) ok &= bodies[i] <= 1;
        for (int i = 0; i < pieces; i++) ok &= times[0][i] == 1 && times[1][i] == 1;
        return ok;
    }
};

bool help(int threads, int calls) {
    bool ok = true;
    for (int i = 0; i < calls; i++) {
        Taken t;
        helped(threads, Taken::body, &t);
        ok &= t.right();
        if (i % 7 == 0) ok &= run(threads);  // what all threads are waited for comes in between
    }
    return ok;
}

// A body that goes on until every other one has begun: late threads that find their call taken back must still serve.
struct Company {
    int came = 0;
    static void body(void *self, int, int threads) {
        int *came = &static_cast<Company *>(self)->came;
        __atomic_fetch_add(came, 1, __ATOMIC_RELAXED);
        while (__atomic_load_n(came, __ATOMIC_RELAXED) < threads) std::this_thread::yield();
    }
};

int failures = 0;
void check(bool ok, const char *what) {
    if (!ok) std::printf("FAILED %s\n", what), failures++;
}

}  // namespace

int main(int count, char **argument) {
    if (count > 1 && !std::strcmp(argument[1], "--fault")) {
        bool ok = true;
        for (int i = 0; i < 20; i++) ok &= run(4, true);
        return ok ? 0 : 1;
    }
    for (int threads = 1; threads <= most; threads++)
        for (int i = 0; i < 5; i++) check(run(threads), "bodies and barriers");
    check(pool_size() == most - 1, "as many threads as were asked for");

    Nested nested;
    parallel(3, Nested::body, &nested);
    check(nested.ok[0] && nested.ok[1] && nested.ok[2], "a call from inside a body runs alone");

    check(help(2, 500) && help(5, 500), "pieces are done once each");
    for (int i = 0; i < 100; i++) {
        Company company;
        helped(3, Company::body, &company);
        check(company.came == 3, "others come while the first is at work");
    }

    bool ok[4] = {};
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; c++)
        callers.emplace_back([&ok, c] {
            ok[c] = true;
            for (int i = 0; i < 20; i++) ok[c] &= run(3) && help(3, 5);
        });
    for (auto &t : callers) t.join();
    check(ok[0] && ok[1] && ok[2] && ok[3], "several callers at once");

#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) _exit(pool_size() == 0 && run(4) && run(2) && help(4, 5) && pool_size() == 3 ? 0 : 1);
        int status = -1;
        check(waitpid(child, &status, 0) == child && status == 0, "a forked child has a pool of its own");
    }
    check(run(4), "the parent goes on after fork");
#endif
    std::printf("pool: %d failed\n", failures);
    return failures ? 1 : 0;
}
