/** Tab in a lesson's command line, with the real kubectl, in a window without a window. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, test } from "vitest";
import { type Sitting, sitDown } from "../../src/tutorials/ui/testing/sitting.ts";
import { VirtualTerminal } from "../../src/tutorials/ui/testing/virtual-terminal.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath } from "../tools/kubectl.ts";

const lesson = `section: "1.1"
title: { zh: 补全, en: Tab }
minutes: 1
namespace: default
cluster: { nodes: 1, latency: none }
setup: [{ apply: maps.yaml }]
steps:
  - kind: do
    id: look
    title: { zh: 看, en: Look }
    text: { zh: 看 ConfigMap。, en: Look at the ConfigMaps. }
    checks:
      - expected: { zh: 看了, en: they were looked at }
        that: requests.exists(r, r.resource == 'configmaps' && r.verb == 'list')
        saw: [{ zh: "\${size(requests)} 个请求", en: "\${size(requests)} requests, \${size(commands)} commands" }]
    solution: [kubectl get configmaps]
    wrong: [{ zh: 别的, en: something else, run: [kubectl get pods] }]
    hints: [{ zh: get, en: get }]
`;

const map = (name: string, namespace: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } });
const maps = [
	{ apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } },
	map("colour-blue", "default"),
	map("colour-green", "default"),
	map("colour-red", "other"),
].map((object) => JSON.stringify(object));

const directory = mkdtempSync(join(tmpdir(), "kubesim-tab-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const course = join(directory, "course");
mkdirSync(join(course, "1.1"), { recursive: true });
writeFileSync(join(course, "1.1/lesson.yaml"), lesson);
writeFileSync(join(course, "1.1/maps.yaml"), maps.join("\n---\n"));

const clearLine = "\u0015";

interface Desk extends Sitting {
	readonly press: (keys: string) => void;
	/** Types on an empty line; resolves once the line is what is expected, and gives what the screen shows. */
	readonly becomes: (typed: string, line: string) => Promise<string>;
}

function sit(state: string, path = dirname(kubectlPath())): Desk {
	const env = { PATH: [path, process.env.PATH].join(delimiter) };
	const terminal = new VirtualTerminal(100, 40);
	const sitting = sitDown({ course, state: join(directory, state), language: "en", section: "1.1", terminal, env });
	const press = (keys: string) => terminal.press(keys);
	return {
		...sitting,
		press,
		becomes: (typed, line) => {
			press(clearLine + typed);
			return sitting.shows(new RegExp(`\n\\$ ${line.replaceAll(/[^\w ]/g, "\\$&").trimEnd()}\n[^\n]*$`));
		},
	};
}

test("kubectl is asked for what follows; no check takes that for what the learner did", async () => {
	const { shows, becomes, press, ended } = sit("kubectl");
	await shows(/\[ \] they were looked at\n {4}saw: 0 requests, 0 commands/);
	// One candidate, and a space after it: what is typed next is the next word.
	await becomes("kubectl desc\t", "kubectl describe");
	press("x");
	await shows(/\n\$ kubectl describe x\n/);
	// Of several what they have in common; then they are listed; then one of them is typed.
	await becomes("kubectl get configmaps col\t", "kubectl get configmaps colour-");
	press("\t");
	await shows(/\ncolour-blue {3}colour-green\n+\$ kubectl get configmaps colour-\n/);
	press("g\t");
	await shows(/\n\$ kubectl get configmaps colour-green\n/);
	// Flags and their values; what is on the line counts.
	await becomes("kubectl get cm --output=js\t", "kubectl get cm --output=json");
	await becomes("kubectl get cm -n oth\t", "kubectl get cm -n other");
	await becomes("kubectl get cm -n other col\t", "kubectl get cm -n other colour-red");
	// Wherever in the line a command stands, and the cursor in it.
	await becomes('true; echo "$(kubectl get cm colour-b\t', 'true; echo "$(kubectl get cm colour-blue');
	await becomes("kubectl get cm 'colour-b\t", "kubectl get cm 'colour-blue'");
	await becomes(`kubectl get cm colour-b -o name${"\u001b[D".repeat(" -o name".length)}\t`, "kubectl get cm colour-blue -o name");
	press(`${clearLine}:check\r`);
	await shows(/\[ \] they were looked at\n {4}saw: 0 requests, 0 commands/);
	press("\t\t\t");
	await shows(/\[Request\][\s\S]*Nothing has happened yet/);
	press("kubectl get cm\r");
	await shows(/✓ Done/);
	press(":quit\r");
	await ended;
});

test("files, programs and the lesson's own commands are completed, and an empty line leads to the next pane", async () => {
	const { shows, becomes, press, ended } = sit("files");
	await shows(/\[Lesson\][\s\S]*\[ \] they were looked at/);
	press("mkdir 'my dir'; touch 'my dir/a b.yaml' 'my dir/a b.txt' 'notes of $today' .hidden; echo made | cat\r");
	await shows(/\nmade\n/);
	// Those of a sort, where kubectl says of which.
	await becomes("kubectl apply -f my\t", "kubectl apply -f my\\ dir/");
	press("\t");
	await shows(/\n\$ kubectl apply -f my\\ dir\/a\\ b.yaml\n/);
	await becomes("cat no\t", "cat notes\\ of\\ \\$today");
	await becomes('cat < "no\t', 'cat < "notes of \\$today"');
	await becomes("cat .hi\t", "cat .hidden");
	await becomes("kubectl get pods | kubect\t", "kubectl get pods | kubectl");
	await becomes(":he\t", ":help");
	// Keys that come at once each have their turn.
	await becomes(":pan\tti\tx", ":pane timeline x");
	await becomes(":s\t\t", ":s");
	await shows(/\n:show {3}:skip {3}:step {3}:speed\n/);
	// Whatever is on the line.
	press("\u001b[Z");
	await shows(/\[Timeline\]/);
	press(`${clearLine}\t`);
	await shows(/\[Lesson\]/);
	press("\t");
	await shows(/\[Cluster\]/);
	press(":quit\r");
	await ended;
});

test("who goes on typing does not wait for an answer that does not come", async () => {
	const bin = join(directory, "slow");
	mkdirSync(bin);
	writeFileSync(join(bin, "kubectl"), "#!/bin/sh\necho $$ > pid\nexec sleep 1000\n");
	chmodSync(join(bin, "kubectl"), 0o755);
	const { shows, press, becomes, ended } = sit("slow-state", bin);
	await shows(/\[ \] they were looked at/);
	press("kubectl get \t");
	const pid = await eventually(() => /^\d+\n/.exec(readIfThere(join(directory, "slow-state/1.1/work/pid")))?.[0]);
	press("pods");
	await shows(/\n\$ kubectl get pods\n/);
	await eventually(() => hasEnded(Number(pid)) || undefined);
	await becomes("kubectl get \t", "kubectl get");
	press(`${clearLine}:quit\r`);
	await ended;
});

function readIfThere(path: string): string {
	return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function hasEnded(pid: number): boolean {
	try {
		return !process.kill(pid, 0);
	} catch {
		return true;
	}
}
