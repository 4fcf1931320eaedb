import { expect, test } from "vitest";
import { kubectlWords } from "./kubectl-words.ts";

test("a command line is taken apart as kubectl does it", () => {
	const words = kubectlWords(`kubectl wait -n shop --for=jsonpath='{.status.x}'=a pod/web --timeout 60s -A`);
	expect(words?.args).toEqual(["wait", "pod/web"]);
	expect(Object.fromEntries(words?.flags ?? [])).toEqual({
		namespace: "shop",
		for: "jsonpath={.status.x}=a",
		timeout: "60s",
		"all-namespaces": "true",
	});
	expect(kubectlWords(`kubectl patch deploy web -p '{"spec": {"replicas": 2}}'`)?.flags.get("patch")).toBe('{"spec": {"replicas": 2}}');
	expect(kubectlWords("kubectl taint nodes node-1 team-")?.args).toEqual(["taint", "nodes", "node-1", "team-"]);
	expect(kubectlWords("kubectl apply -f a.yaml -f b.yaml")?.flags.get("filename")).toBe("a.yaml\nb.yaml");
});

test.each([
	"kubectl get pods | wc -l",
	"kubectl delete pod $NAME",
	"kubectl apply -f - <<EOF",
	"ls",
	"kubectl get pods; ls",
	"kubectl get pods -n",
	'kubectl get "$(x)"',
])("%s is more than one call of it", (line) => {
	expect(kubectlWords(line)).toBeUndefined();
});
