import { expect, test } from "vitest";
import { wantsTerminal } from "./wants-terminal.ts";

test.each([
	"vim web.yaml",
	"kubectl get pods -o yaml | less",
	"cd .. && nano a",
	"kubectl edit pod web",
	"kubectl exec -it web -- sh",
	"kubectl run x --image=busybox -i -t -- sh",
	"kubectl exec web --tty --stdin -- sh",
	"kubectl debug -ti web",
	"watch kubectl get pods",
	"sudo vi /etc/hosts",
	"bash",
	"kubesim node shell node-1",
])("%s has the terminal to itself", (command) => {
	expect(wantsTerminal(command)).toBe(true);
});

test.each([
	"kubectl get pods -w",
	"kubectl exec web -- ls",
	"echo more or less",
	"kubectl get pods --watch",
	"sh -c 'echo one'",
	"kubectl top pods",
	"kubesim node shell node-1 -- crictl ps",
	"kubectl explain pod.spec.containers.tty",
])("%s does not", (command) => {
	expect(wantsTerminal(command)).toBe(false);
});
