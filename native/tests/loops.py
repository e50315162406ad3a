"""The kernels' object file from each compiler at hand: no loop over k of a register tile may touch the stack.

    loops.py [--fault]    --fault: a tile larger than the registers, which must be found, on x86 and on aarch64

A vector in the stack costs up to half of the speed. On aarch64 nothing may be there; on x86, with 15 registers for
pointers and counters, a vector never, and a pointer in at most one of two steps.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1]
FLAGS = ("-std=c++20", "-O3", "-fPIC", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-c")
AVX2 = ("-DGRUVY_ISA_AVX2", "-mavx2", "-mfma", "-mf16c")
AVX512 = ("-DGRUVY_ISA_AVX512", "-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma")
TARGETS = {
    "g++ AVX2": ("g++", "-march=x86-64", *AVX2),
    "g++ AVX-512": ("g++", "-march=x86-64", *AVX512, "-mprefer-vector-width=512"),
    "clang++ AVX2": ("clang++", "--target=x86_64-linux-gnu", *AVX2),
    "clang++ AVX-512": ("clang++", "--target=x86_64-linux-gnu", *AVX512, "-mprefer-vector-width=512"),
    "g++ aarch64": ("aarch64-linux-gnu-g++", "-DGRUVY_ISA_GENERIC"),
    "clang++ aarch64": ("clang++", "--target=aarch64-linux-gnu", "-DGRUVY_ISA_GENERIC"),
}
FAULTY = ("g++ AVX2", "g++ aarch64")
FMA = re.compile(r"vfn?m(add|sub)\w*|fmla|fmadd")
JUMP = re.compile(r"j\w+|b(\..*)?|cbn?z|tbn?z")
TILE = re.compile(r"::multiply<(\w+), (\d+), (\d+), (\d+), (\d+)>")
# Whose models differ from the processors: llvm 14 has a narrower one for each (apple-a7's, cortex-a57's).
PROCESSORS = ("apple-m1", "neoverse-n1", "neoverse-v2", "cortex-a76")
UNKNOWN: set[str] = set()

Instruction = tuple[int, str, str]


def functions(obj: Path) -> dict[str, list[Instruction]]:
    text = subprocess.run(
        ["llvm-objdump", "-d", "--no-show-raw-insn", "-C", str(obj)], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for part in re.split(r"\n(?=[0-9a-f]+ <)", text):
        if name := re.match(r"[0-9a-f]+ <(.*)>:", part):
            lines = re.findall(r"^\s*([0-9a-f]+):\s+(\S+)[ \t]*(.*)$", part, re.M)
            found[name[1]] = [(int(at, 16), op, rest) for at, op, rest in lines]
    return found


def inner_loops(code: list[Instruction]) -> list[list[Instruction]]:
    """What lies between a jump back and where it goes, where no other such loop lies in it."""
    place = {at: i for i, (at, _, _) in enumerate(code)}
    back = []
    for i, (_, op, rest) in enumerate(code):
        to = re.search(r"(?:0x)?([0-9a-f]+) <", rest) if JUMP.fullmatch(op) else None
        if to and place.get(int(to[1], 16), i + 1) <= i:
            back.append((place[int(to[1], 16)], i))
    inner = [(a, b) for a, b in back if not any((c, d) != (a, b) and a <= c and d <= b for c, d in back)]
    return [code[a : b + 1] for a, b in inner]


def check(target: str, command: tuple[str, ...], source: Path) -> tuple[int, list[str]]:
    """How many loops there were, and what is wrong with them."""
    arm = "aarch64" in target
    with tempfile.TemporaryDirectory() as folder:
        obj = Path(folder) / "kernels.o"
        subprocess.run([*command, *FLAGS, str(source / "kernels.cpp"), "-o", str(obj)], check=True)
        code = functions(obj)
    loops, wrong = 0, []
    for name, body in code.items():
        tile = TILE.search(name)
        if not tile:
            continue
        own = [loop for loop in inner_loops(body) if any(FMA.fullmatch(op) for _, op, _ in loop)]
        if not own:
            wrong.append(f"{target}: {tile[0]}: no loop with a multiply-add")
        for loop in own:
            loops += 1
            size = int(tile[2]) * int(tile[3]) * int(tile[4])
            steps = sum(1 for _, op, _ in loop if FMA.fullmatch(op)) // size
            stack = [f"{op} {rest}" for _, op, rest in loop if re.search(r"%rsp|\bsp\b", rest)]
            vectors = [line for line in stack if arm or re.search(r"%[xyz]mm", line)]
            if arm and size == 24 and steps == 8 and shutil.which("llvm-mca"):
                wrong += slow(target, tile[0], loop)
            if steps < 1 or vectors or len(stack) > max(3, steps // 2):
                wrong.append(f"{target}: {tile[0]}: {len(stack)} stack accesses in {steps} steps, such as {stack[:1]}")
    if loops < 20:
        wrong.append(f"{target}: {loops} loops found, at least 20 expected")
    return loops, wrong


def cycles(code: list[Instruction], processor: str) -> float | None:
    """Of one turn of these instructions, by llvm-mca's model; None where it does not know the processor."""
    text = "\n".join(f"{op} {rest.split('//')[0]}" for _, op, rest in code if not JUMP.fullmatch(op))
    command = ("llvm-mca", "-mtriple=aarch64", f"-mcpu={processor}", "-iterations=100")
    run = subprocess.run(command, input=text, capture_output=True, text=True)
    total = re.search(r"Total Cycles:\s+(\d+)", run.stdout)
    return int(total[1]) / 100 if total and "not a recognized" not in run.stderr else None


def slow(target: str, tile: str, loop: list[Instruction]) -> list[str]:
    """A full tile's loop against its multiply-adds alone."""
    wrong = []
    for processor in PROCESSORS:
        bound = cycles([one for one in loop if FMA.fullmatch(one[1])], processor)
        whole = cycles(loop, processor)
        limit = 1.15 if (processor, target) == ("apple-m1", "g++ aarch64") else 1.1
        if bound is None or whole is None:
            UNKNOWN.add(processor)
        elif whole > limit * bound:
            wrong.append(f"{target}: {tile}: {whole / bound:.2f} times the multiply-adds' cycles on {processor}")
    return wrong


def main() -> int:
    fault, wrong = "--fault" in sys.argv, []
    if not shutil.which("llvm-objdump"):
        print("the tiles' loops not checked: llvm-objdump is not here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        source = NATIVE / "src"
        if fault:
            source = Path(shutil.copytree(source, Path(folder) / "src"))
            for name in ("tile.hpp", "held.hpp"):
                text = re.sub(r"static_assert\(R \* M.*?\);", "", (source / name).read_text(), flags=re.S)
                (source / name).write_text(text.replace("K::template of<full, 3>()", "K::template of<full, 5>()"))
        targets = FAULTY if fault else tuple(TARGETS)
        here = [target for target in targets if shutil.which(TARGETS[target][0])]
        for target in targets:
            if target not in here:
                print(f"{target}: not checked, {TARGETS[target][0]} is not here")

        def checked(target: str) -> tuple[int, list[str]]:
            return check(target, TARGETS[target], source)

        with ThreadPoolExecutor(2) as pool:  # what compiles is a process
            for target, (loops, found) in zip(here, pool.map(checked, here), strict=True):
                print(f"{target}: {loops} loops, {len(found)} wrong", flush=True)
                wrong += found
                if fault and not found:
                    print(f"{target}: the planted fault was not found")
                    return 1
    if UNKNOWN:
        print(f"not known to llvm-mca, and not checked: {', '.join(sorted(UNKNOWN))}")
    print("\n".join(wrong[:4] if fault else wrong))
    return int(bool(wrong) and not fault)


if __name__ == "__main__":
    sys.exit(main())
