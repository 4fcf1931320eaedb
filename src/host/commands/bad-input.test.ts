// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are shell scripts.
/** What users do by mistake or on purpose: links in circles, bombs, output without end. Nothing hangs, and the texts are real tools'. */
import { beforeAll, describe, expect, it } from "vitest";
import { loadGrammar } from "../shell/syntax.ts";
import { Collector, emptyInput } from "../stream.ts";
import { TestMachine } from "../testing/test-machine.ts";

beforeAll(async () => {
	await loadGrammar();
});

/** Stdout, and stderr behind it. */
async function output(script: string): Promise<string> {
	const { stdout, stderr } = await new TestMachine().sh(script);
	return stdout + stderr;
}

it("tail has nothing to follow and ends", async () => {
	expect(await output("tail -f /tmp/*.log; echo $?")).toBe("1\ntail: can't open '/tmp/*.log': No such file or directory\ntail: no files\n");
});

describe("symbolic links", () => {
	const circle = "cd /tmp; ln -s self self; ";
	it.each([
		["cat self", "cat: can't open 'self': Too many levels of symbolic links\n"],
		["ls self", "ls: self: Too many levels of symbolic links\n"],
		["cd self", "sh: cd: can't cd to self: Too many levels of symbolic links\n"],
		["echo x > self", "sh: can't create self: Too many levels of symbolic links\n"],
		["cp self y", "cp: cannot stat 'self': Too many levels of symbolic links\n"],
		["stat -L self", "stat: cannot statx 'self': Too many levels of symbolic links\n"],
		["grep x self", "grep: self: Too many levels of symbolic links\n"],
		["wc self", "wc: can't open 'self': Too many levels of symbolic links\n"],
		["rm self; ls", ""],
		["readlink self", "self\n"],
	])("that lead to themselves: %s", async (script, expected) => {
		expect(await output(circle + script)).toBe(expected);
	});

	it("one after the other lead somewhere forty times, and no further", async () => {
		const chain = "cd /tmp; echo end > 0; for i in $(seq 1 41); do ln -s $((i - 1)) $i; done; ";
		expect(await output(`${chain}cat 40; cat 41`)).toBe("end\ncat: can't open '41': Too many levels of symbolic links\n");
	});

	// Each of these would go 2^40 ways if it followed both links.
	const maze = "cd /tmp; mkdir d; echo x > d/f; ln -s .. d/up; ln -s ../d d/me; ";
	it.each([
		["grep -r x d; grep -rl x .; grep -R x d; grep -rc x d", "d/f:x\n./d/f\nd/f:x\nd/f:1\n"],
		["cp -r d e; readlink e/up; cat e/me/f", "..\nx\n"],
		["cp -rL d g", "cp: cannot copy cyclic symbolic link 'd/me'\ncp: cannot copy a directory, 'd/up', into itself, 'g/up'\n"],
		["cp -r d d/in", "cp: cannot copy a directory, 'd', into itself, 'd/in'\n"],
		["tar cf x.tar d; tar tf x.tar", "d/\nd/f\nd/me\nd/up\n"],
		["find d; rm -r d; ls", "d\nd/f\nd/me\nd/up\n"],
		["ls -R d; du -s d", "d:\nf\nme\nup\n8\td\n"],
	])("in a maze: %s", async (script, expected) => {
		expect(await output(maze + script)).toBe(expected);
	});

	it("that lead nowhere can be removed and copied", async () => {
		expect(await output("cd /tmp; ln -s nowhere a; cp -P a b; rm a; readlink b; rm a; cat b")).toBe(
			"nowhere\nrm: cannot remove 'a': No such file or directory\ncat: can't open 'b': No such file or directory\n",
		);
	});
});

it("a path has at most 4096 bytes", async () => {
	const deep = "cd /tmp; d=$(printf '%0200d' 0); for i in $(seq 1 30); do mkdir $d && cd $d || break; done 2>&1 | sed 's/0000*/N/g'";
	expect(await output(deep)).toMatch(/^mkdir: cannot create directory 'N': File name too long\n$/);
});

describe("bombs", () => {
	it("of processes end where there is no room for more, and the machine lives on", async () => {
		const machine = new TestMachine({ maxProcesses: 64 });
		const { stderr, stdout, exitCode } = await machine.sh("f() { f | f & }; f; sleep 1; ps | wc -l; echo alive");
		expect(stderr).toContain("sh: can't fork: Resource temporarily unavailable\n");
		expect(stdout).toMatch(/^\d+\nalive\n$/);
		expect(exitCode).toBe(0);
	});

	it("end a shell that is not interactive as its kind of shell ends", async () => {
		const crowded = async (shell: string) => await new TestMachine({ maxProcesses: 2 }).run([shell, "-c", "uname; echo not here"]);
		expect(await crowded("sh")).toEqual({ stdout: "", stderr: "sh: can't fork: Resource temporarily unavailable\n", exitCode: 2 });
		const retry = "bash: line 1: fork: retry: Resource temporarily unavailable\n".repeat(4);
		expect(await crowded("bash")).toEqual({
			stdout: "",
			stderr: `${retry}bash: line 1: fork: Resource temporarily unavailable\n`,
			exitCode: 254,
		});
	});

	it.each([
		["a variable that doubles", "x=a; while true; do x=$x$x; done; echo not here", "sh: out of memory\n"],
		["a substitution without end", "x=$(yes); echo not here", "sh: out of memory\n"],
		["a number of a billion digits", "printf '%1000000000d' 1 > /dev/null; echo not here", "sh: out of memory\n"],
		["input without end", "yes | sort", "sort: out of memory\n"],
		["a function that calls itself", "f() { f; }; f", "sh: maximum function nesting level exceeded\n"],
	])("of memory: %s", async (_, script, expected) => {
		expect(await output(script)).toBe(expected);
	});
});

it.each(["cat /dev/zero > /dev/null", "wc -c < /dev/zero", "md5sum /dev/zero", "yes > /dev/null", "seq 1 1000000000 > /dev/null"])(
	"%s goes on for ever, and nobody waits for it",
	async (script) => {
		expect(await output(`${script} & sleep 0.05; kill $!; echo alive`)).toBe("alive\n");
	},
);

it("streams of any length pass through, and nobody keeps them", async () => {
	expect(await output("yes | head -c 20M | wc -c; seq 1 1000000 | tail -n 1; seq 200000 | wc -l")).toBe("20971520\n1000000\n200000\n");
});

describe("commands that are not there, or are none", () => {
	it.each([
		["foo", "sh: foo: not found\n", 127],
		["./foo", "sh: ./foo: not found\n", 127],
		["/tmp", "sh: /tmp: Permission denied\n", 126],
		["/etc/hostname", "sh: /etc/hostname: Permission denied\n", 126],
		["bash -c foo", "bash: line 1: foo: command not found\n", 127],
		["bash -c ./foo", "bash: line 1: ./foo: No such file or directory\n", 127],
		["bash -c /tmp", "bash: line 1: /tmp: Is a directory\n", 126],
		["exec foo", "sh: exec: foo: not found\n", 127],
		// A file without `#!` is a script.
		["cd /tmp; echo 'echo $0 $1; exit 3' > s; chmod +x s; ./s a", "./s a\n", 3],
		["cd /tmp; printf '#!/nowhere\\n' > s; chmod +x s; ./s", "sh: ./s: not found\n", 127],
	])("%s", async (script, expected, exitCode) => {
		const result = await new TestMachine().sh(script);
		expect([result.stdout + result.stderr, result.exitCode]).toEqual([expected, exitCode]);
	});
});

describe("checksums and counts", () => {
	it.each([
		["wc /etc/hostname; wc -l < /etc/hostname; echo a b | wc", "1 1 4 /etc/hostname\n1\n      1       2       4\n"],
		["printf 'ä b' | wc -m; printf 'ä b' | wc -c", "3\n4\n"],
		[
			"md5sum /etc/hostname > s; md5sum -c s; echo x > /etc/hostname; md5sum -c s 2>/dev/null || echo $?",
			"/etc/hostname: OK\n/etc/hostname: FAILED\n1\n",
		],
		["printf abc | sha256sum", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n"],
		["seq -w 8 11; seq 1 0.5 2; seq 5 -2 1; seq -s , -1 1", "08\n09\n10\n11\n1.0\n1.5\n2.0\n5\n3\n1\n-1,0,1\n"],
	])("%s", async (script, expected) => {
		expect(await output(script)).toBe(expected);
	});
});

/** Stdout comes before stderr here, see `output`. */
describe("a file that is there already", () => {
	it.each([
		["mv a b; cat b; ls", "a\nb\n"],
		["cp a b; cat b", "a\n"],
		["cp a a", "cp: 'a' and 'a' are the same file\n"],
		["ln -s a l; cp a l; readlink l", "a\ncp: 'a' and 'l' are the same file\n"],
	])("%s", async (script, expected) => {
		expect(await output(`mkdir /tmp/d; cd /tmp/d; echo a > a; echo b > b; ${script}`)).toBe(expected);
	});
});

describe("programs that are started one after the other, and do nothing", () => {
	/** How many processes there have been. */
	const count = ({ machine, env }: TestMachine) =>
		machine.run(async () => 0, { argv: ["x"], env, cwd: "/", stdin: emptyInput, stdout: new Collector(), stderr: new Collector() }).pid - 1;

	it.each([
		["while ! nc -z nowhere 80; do :; done"],
		["until (nc -z nowhere 80); do (:); done"],
		["while :; do nc -z nowhere 80 & wait; done"],
		["seq 5000 | xargs -n1 nc -z nowhere 80"],
	])("take their time, and end when they are killed: %s", async (script) => {
		const box = new TestMachine();
		const { process } = box.start(["sh", "-c", script]);
		for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
		await box.clock.advance(1_000);
		expect(count(box)).toBeGreaterThan(500);
		expect(count(box)).toBeLessThan(1_100);
		box.machine.killAll();
		await process.exited;
		const before = count(box);
		await box.clock.advance(60_000);
		expect(count(box)).toBe(before + 1);
	});
});
