import { expect, test } from "vitest";
import { kubectlWords, UnknownCallError } from "./words.ts";

test.each<[string, readonly string[], Readonly<Record<string, readonly string[]>>, readonly string[]]>([
	[
		"wait -n shop --for=jsonpath={.x}=a pod/web --timeout 60s -A",
		["wait", "pod/web"],
		{ namespace: ["shop"], for: ["jsonpath={.x}=a"], timeout: ["60s"], "all-namespaces": ["true"] },
		[],
	],
	["config --kubeconfig a set-cluster b", ["config", "set-cluster", "b"], { kubeconfig: ["a"] }, []],
	["--user=alice get pods", ["get", "pods"], { user: ["alice"] }, []],
	["taint nodes node-1 team-", ["taint", "nodes", "node-1", "team-"], {}, []],
	["apply -f a.yaml -f -", ["apply"], { filename: ["a.yaml", "-"] }, []],
	["logs -p -f web", ["logs", "web"], { previous: ["true"], follow: ["true"] }, []],
	["patch pod web -p {}", ["patch", "pod", "web"], { patch: ["{}"] }, []],
	["get --raw /version", ["get"], { raw: ["/version"] }, []],
	["config view --raw --minify", ["config", "view"], { raw: ["true"], minify: ["true"] }, []],
	["delete pvc a --wait=false", ["delete", "pvc", "a"], { wait: ["false"] }, []],
	["exec web -c app -- sh -c x -- y", ["exec", "web"], { container: ["app"] }, ["sh", "-c", "x", "--", "y"]],
])("%s is taken apart as kubectl does it", (line, args, flags, command) => {
	const words = kubectlWords(line.split(" "));
	expect({ args: words.args, flags: Object.fromEntries(words.flags), command: words.command }).toEqual({ args, flags, command });
});

test("what kubectl has and this has not is told from what neither has", () => {
	for (const line of ["get pods --sort-by=.metadata.name", "get pods -w", "exec -it web", "create quota q --hard=pods=1", "-v=6 get pods"])
		expect(() => kubectlWords(line.split(" ")), line).toThrow(UnknownCallError);
	expect(() => kubectlWords(["get", "pods", "-w"])).toThrow("-w: kubesim's stand-in for kubectl knows only");
});
