// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are shell scripts.
import { beforeAll, describe, expect, it } from "vitest";
import { TestMachine } from "../testing/test-machine.ts";
import { loadGrammar } from "./syntax.ts";

beforeAll(async () => {
	await loadGrammar();
});

const ok = (stdout: string) => ({ stdout, stderr: "", exitCode: 0 });

describe("sh -c", () => {
	const cases: readonly [script: string, stdout: string, exitCode?: number][] = [
		["echo hello world", "hello world\n"],
		["exit 3", "", 3],
		["false", "", 1],
		["false || echo no; true && echo yes", "no\nyes\n"],
		['x="a  b"; echo $x "$x" \'$x\' ${#x} ${y:-none} ${x%b} ${x#a}', "a b a  b $x 4 none a b\n"],
		["for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"],
		["i=0; while true; do i=$((i+1)); [ $i -ge 3 ] && break; done; echo $i", "3\n"],
		["f() { local x=1; echo $1 $#; return 4; }; x=2; f a b; echo $? $x", "a 2\n4 2\n"],
		["case foo.txt in *.jpg) echo jpg;; *.txt|*.md) echo text;; esac", "text\n"],
		["echo one > /tmp/a; echo two >> /tmp/a; cat /tmp/a; cat < /tmp/a | wc -l", "one\ntwo\n2\n"],
		["echo $(echo a; echo b) `echo c`", "a b c\n"],
		['(cd /tmp; x=1; pwd); pwd; echo "[$x]"', "/tmp\n/\n[]\n"],
		["printf '%s-%03d\\n' a 7 b 8", "a-007\nb-008\n"],
		["cat <<EOF\nhi $((1+2))\nEOF", "hi 3\n"],
		["printf 'a 1\\nb 2\\n' | while read k v; do echo $v=$k; done", "1=a\n2=b\n"],
		["set -e; false; echo unreachable", "", 1],
		['set -- x \'y z\'; for a in "$@"; do echo "<$a>"; done', "<x>\n<y z>\n"],
		["mkdir -p /tmp/g && touch /tmp/g/a.c /tmp/g/b.c /tmp/g/.h && cd /tmp/g && echo *.c *.none", "a.c b.c *.none\n"],
		["trap 'echo bye' EXIT; echo hi; exit 5", "hi\nbye\n", 5],
		["echo x | grep -c x", "1\n"],
		["echo a,b | sed s/,/-/ | tr a-z A-Z", "A-B\n"],
		["X=1 env | grep ^X; echo ${X-unset}", "X=1\nunset\n"],
		["yes | head -n 2", "y\ny\n"],
		// The inode is the first column, in both forms.
		[
			"touch /tmp/f; for o in -i -li; do ls $o /tmp/f | cut -d ' ' -f 1; done | uniq | wc -l; ls -li /tmp/f | cut -d ' ' -f 2",
			"1\n-rw-r--r--\n",
		],
		["sleep 60 & wait; date +%T", "00:01:00\n"],
		["echo {a,b}{1..2}", "a1 a2 b1 b2\n"],
		["[[ abc == a* && ! x = y ]] && echo yes", "yes\n"],
		["sh -c 'kill -TERM $$; echo not here'; echo $?", "143\n"],
		["x=hello; echo ${x^^} ${x/l/L} ${x:1:3}", "HELLO heLlo ell\n"],
		["timeout 5 sleep 10; echo $?", "124\n"],
		["echo a b c | xargs -n 1 echo item", "item a\nitem b\nitem c\n"],
		["basename /a/b; hostname", "b\nweb\n"],
	];
	for (const [script, stdout, exitCode = 0] of cases) {
		it(script, async () => {
			expect(await new TestMachine().sh(script)).toEqual({ stdout, stderr: "", exitCode });
		});
	}

	const arrays: readonly [script: string, stdout: string][] = [
		["items=(foo bar baz qux xyz); X=3; echo ${items[$X]} ${items[X]} ${items[X-1]} ${items[-1]} $items", "qux qux baz xyz foo\n"],
		['a=(x "y z"); for i in "${a[@]}"; do echo "<$i>"; done; echo ${#a[@]} ${#a[1]} "${a[*]}"', "<x>\n<y z>\n2 3 x y z\n"],
		["a=(x 'y z'); set -- ${a[@]}; echo $#", "3\n"],
		["a=(1); a+=(2 3); a[1]=b; a[3]=d; echo ${a[@]} ${#a[*]}", "1 b 3 d 4\n"],
		["a=($(echo p q) /tm*); echo ${a[1]} ${a[2]}", "q /tmp\n"],
		["a=(1 2); a=3; echo ${a[@]} $a; b=4; echo ${b[0]} ${#b[@]} ${none[@]}.${none[2]:-no}", "3 2 3\n4 1 .no\n"],
		["export a; a=(1 2); env | grep -c ^a=", "0\n"],
		["a=(1 2); (a[0]=9; echo ${a[0]}); echo ${a[0]}", "9\n1\n"],
	];
	for (const [script, stdout] of arrays) {
		it(`bash: ${script}`, async () => {
			expect(await new TestMachine().run(["bash", "-c", script])).toMatchObject({ stdout, stderr: "" });
		});
	}

	it("has arrays in bash alone, and none with gaps", async () => {
		const machine = new TestMachine();
		expect((await machine.sh("a=(1 2)")).stderr).toBe('sh: syntax error: unexpected "("\n');
		expect((await machine.sh("a=1; echo ${a[0]}")).stderr).toBe("sh: bad substitution\n");
		expect((await machine.run(["bash", "-c", "a=(1); a[5]=x"])).stderr).toBe(
			"bash: line 1: a: arrays with gaps are not supported by the simulated shell\n",
		);
	});

	it("reports what it cannot run, in the words of each shell", async () => {
		const machine = new TestMachine();
		expect(await machine.sh("nosuch")).toEqual({ stdout: "", stderr: "sh: nosuch: not found\n", exitCode: 127 });
		expect(await machine.run(["bash", "-c", "nosuch"])).toEqual({
			stdout: "",
			stderr: "bash: line 1: nosuch: command not found\n",
			exitCode: 127,
		});
		expect(await machine.sh("cat /none")).toEqual({
			stdout: "",
			stderr: "cat: can't open '/none': No such file or directory\n",
			exitCode: 1,
		});
		expect(await machine.sh("echo >/none/x")).toEqual({
			stdout: "",
			stderr: "sh: can't create /none/x: nonexistent directory\n",
			exitCode: 1,
		});
		expect((await machine.sh("if true; then")).exitCode).toBe(2);
	});

	it("prints while it runs, on the cluster's clock", async () => {
		const machine = new TestMachine();
		const { stdout, process } = machine.start(["sh", "-c", "while true; do date +%S; sleep 1; done"]);
		await machine.clock.advance(2_500);
		expect(stdout.text()).toBe("00\n01\n02\n");
		process.kill("TERM");
		await machine.clock.advance(5_000);
		expect(stdout.text()).toBe("00\n01\n02\n");
		expect(machine.machine.processes().map(({ argv }) => argv[0])).toEqual(["init"]);
	});

	it("runs a trap after the command in the foreground has ended", async () => {
		const machine = new TestMachine();
		const { stdout, process } = machine.start(["sh", "-c", "trap 'echo caught; exit 7' TERM; while :; do sleep 10; done"]);
		await machine.clock.advance(1_000);
		process.kill("TERM");
		await machine.clock.advance(1_000);
		expect(process.exit).toBeUndefined();
		await machine.clock.advance(10_000);
		expect([stdout.text(), process.exit]).toEqual(["caught\n", { exitCode: 7 }]);
	});

	it("becomes the program that it execs: one process, which gets the signals itself", async () => {
		const machine = new TestMachine();
		const { process } = machine.start(["sh", "-c", "trap 'echo no' EXIT TERM; trap '' INT; exec sleep 100; echo no"]);
		await machine.clock.advance(1_000);
		expect(machine.machine.processes().map(({ argv }) => argv.join(" "))).toEqual(["init", "sleep 100"]);
		process.kill("INT"); // Who ignores a signal hands that on.
		process.kill("TERM");
		expect(await process.exited).toEqual({ exitCode: 143, signal: "TERM" });
		expect(await machine.sh("(exec echo inner); echo $(exec echo $PWD); trap 'echo no' EXIT; exec sh -c 'exit 3'")).toEqual({
			stdout: "inner\n/\n",
			stderr: "",
			exitCode: 3,
		});
	});

	it("does not let a busy loop stop the world", async () => {
		const machine = new TestMachine();
		const { process } = machine.start(["sh", "-c", "while :; do :; done"]);
		await machine.clock.advance(1_000);
		expect(process.exit).toBeUndefined();
		process.kill("KILL");
		expect(await process.exited).toEqual({ exitCode: 137, signal: "KILL" });
	});

	it("reads a script from stdin, and lets commands read what follows them", async () => {
		expect(await new TestMachine().run(["sh"], "read x\nvalue\necho got $x\nif true\nthen echo yes\nfi\n")).toEqual(ok("got value\nyes\n"));
	});

	it("runs script files by their first line", async () => {
		const script = "printf '#!/bin/sh\\necho script $0 $1\\n' > /tmp/s; chmod +x /tmp/s; /tmp/s arg; ls -l /tmp/s";
		expect(await new TestMachine().sh(script)).toEqual(
			ok("script /tmp/s arg\n-rwxr-xr-x    1 root     root            28 Jan  1 00:00 /tmp/s\n"),
		);
	});
});
