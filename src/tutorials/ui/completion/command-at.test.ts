import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commandAt } from "./command-at.ts";

/** Its words, and after "|" the one at the end with what it stands in. */
function at(line: string): string {
	const { words, word, quote, isRedirection } = commandAt(line);
	return [...words, `|${isRedirection ? ">" : ""}${quote}${word}`].join(" ");
}

test.each([
	["", "|"],
	["kub", "|kub"],
	["kubectl get ", "kubectl get |"],
	["kubectl get po", "kubectl get |po"],
	["  kubectl\tget  po", "kubectl get |po"],
	// The last simple command.
	["kubectl get pods | gr", "|gr"],
	["kubectl get pods|grep web|wc -", "wc |-"],
	["cd /tmp; kubectl ", "kubectl |"],
	["true && kubectl get po", "kubectl get |po"],
	["false || kubectl get po", "kubectl get |po"],
	["sleep 9 & kubectl get po", "kubectl get |po"],
	["kubectl get pods\nkubectl describe po", "kubectl describe |po"],
	["echo $(kubectl get po", "kubectl get |po"],
	["echo $(kubectl get pods) a", "echo $() |a"],
	['echo "$(kubectl get po', "kubectl get |po"],
	['echo "$(kubectl get po) a', 'echo |"$() a'],
	["echo $(dirname a)/b", "echo |$()/b"],
	["echo `kubectl get po", "kubectl get |po"],
	["echo `kubectl get po` a", "echo $() |a"],
	["(cd /; kubectl get po", "kubectl get |po"],
	["(cd /; ls) && kubectl get po", "kubectl get |po"],
	["for pod in a b; do kubectl delete pod $po", "kubectl delete pod |$po"],
	["if ! kubectl get po", "kubectl get |po"],
	["web() { kubectl get po", "kubectl get |po"],
	// Quotes.
	[`kubectl get 'po`, "kubectl get |'po"],
	[`kubectl get "po`, 'kubectl get |"po'],
	[`echo 'a b' "c d" e\\ f`, "echo a b c d |e f"],
	[`echo "a\\"b\\c" '\\' ''`, `echo a"b\\c \\ |`],
	["echo 'a; b | c", "echo |'a; b | c"],
	[`echo "a) b`, 'echo |"a) b'],
	["echo \\", "echo |\\"],
	// Redirections.
	["kubectl get pods > fi", "kubectl get pods |>fi"],
	["kubectl get pods 2>", "kubectl get pods |>"],
	["kubectl get pods >file -", "kubectl get pods |-"],
	["kubectl get pods 2>&1 po", "kubectl get pods |po"],
	["kubectl get pods &>all po", "kubectl get pods |po"],
	["kubectl apply -f - <<END po", "kubectl apply -f - |po"],
])("%j ends with %j", (line, expected) => {
	expect(at(line)).toBe(expected);
});

test("what is set for a program alone is told apart", () => {
	const { words, variables } = commandAt("KUBECONFIG='my file' A= kubectl get -l app=web ");
	expect(variables).toEqual({ KUBECONFIG: "my file", A: "" });
	expect(words).toEqual(["kubectl", "get", "-l", "app=web"]);
	expect(commandAt("A=1 ").variables).toEqual({ A: "1" });
});

test("words are those of the shell", () => {
	const word = fc.string({
		unit: fc.constantFrom("a", "é", " ", "'", '"', "\\", "|", ";", "&", ">", "(", ")", "#", "-", "*"),
		minLength: 1,
	});
	const quoted = (text: string) =>
		fc.constantFrom(`'${text.replaceAll("'", "'\\''")}'`, `"${text.replaceAll(/["\\]/g, "\\$&")}"`, text.replaceAll(/[^a-zé]/g, "\\$&"));
	const line = fc.array(word.chain(quoted), { minLength: 1, maxLength: 5 }).map((words) => words.join(" "));
	fc.assert(
		fc.property(line, (text) => {
			const said = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${text}`], { encoding: "utf8" });
			expect(commandAt(`printf ${text} `).words.slice(1)).toEqual(said.split("\0").slice(0, -1));
		}),
		{ numRuns: 50 },
	);
});
