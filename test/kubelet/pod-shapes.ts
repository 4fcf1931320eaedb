/** Pods of every shape, as the lives of pod-life.ts have them, and how each of them has to be when nothing has gone wrong for a while. */
import type { Container, Pod, PodSpec } from "../../src/apimachinery/schema/generated/types.ts";

/** A container that writes who it is to a file of its node for as long as it lives: `instance`, once every five seconds. */
function witness(name: string, then: string, more: Partial<Container> = {}): Container {
	return {
		name,
		image: "busybox:1.36",
		command: ["sh", "-c", `I=$(date +%s%N); echo $I >> /life/$POD.${name}; ${then}`],
		env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } }],
		volumeMounts: [{ name: "life", mountPath: "/life" }],
		...more,
	};
}

const goOn = (name: string) => `while true; do sleep 5; echo $I >> /life/$POD.${name}; done`;
const lasting = (name: string, more: Partial<Container> = {}) => witness(name, `trap 'exit 0' TERM; ${goOn(name)}`, more);
const deaf = (name: string, more: Partial<Container> = {}) => witness(name, `trap '' TERM; ${goOn(name)}`, more);
const fails = { tcpSocket: { port: 9 }, initialDelaySeconds: 3, periodSeconds: 5, failureThreshold: 1 };

export interface Shape {
	readonly name: string;
	readonly spec: PodSpec;
	/** Whether a pod that nobody has asked to go is as it should be. */
	readonly isSettled: (pod: Pod) => boolean;
}

const phaseIs =
	(...phases: readonly string[]) =>
	({ status }: Pod): boolean =>
		phases.includes(status?.phase ?? "");
const isReady = ({ status }: Pod) =>
	status?.phase === "Running" && status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
const hasRestarted = ({ status }: Pod) =>
	status?.phase === "Running" && status.containerStatuses?.some(({ restartCount }) => restartCount > 0) === true;
/** Whoever starts no more may have lost its machine. */
const hasRun = phaseIs("Succeeded", "Failed");

const shape = (name: string, containers: readonly Container[], isSettled: Shape["isSettled"], spec: Partial<PodSpec> = {}): Shape => ({
	name,
	isSettled,
	spec: { terminationGracePeriodSeconds: 10, volumes: [{ name: "life", hostPath: { path: "/life" } }], ...spec, containers },
});

export const shapes: readonly Shape[] = [
	shape("lasting", [lasting("c")], isReady),
	shape("two", [lasting("c"), lasting("d")], isReady),
	shape("job", [witness("c", "sleep 3")], hasRun, { restartPolicy: "Never" }),
	shape("retry", [witness("c", "sleep 2; exit 1")], hasRestarted, { restartPolicy: "OnFailure" }),
	shape("failing", [witness("c", "exit 3")], phaseIs("Failed"), { restartPolicy: "Never" }),
	shape("initialised", [lasting("c")], isReady, {
		initContainers: [witness("i", "sleep 2"), lasting("s", { restartPolicy: "Always" }), witness("j", "sleep 1")],
	}),
	shape("unhealthy", [deaf("c", { livenessProbe: fails })], hasRestarted, { terminationGracePeriodSeconds: 4 }),
	shape(
		"hooked",
		[lasting("c", { lifecycle: { preStop: { exec: { command: ["sleep", "6"] } }, postStart: { exec: { command: ["true"] } } } })],
		isReady,
	),
	shape("slow", [deaf("c")], isReady, { terminationGracePeriodSeconds: 20 }),
	shape("no-image", [lasting("c", { image: "nginx:does-not-exist" })], phaseIs("Pending")),
	shape("job-with-sidecar", [witness("c", "sleep 4; exit 0")], hasRun, {
		restartPolicy: "Never",
		initContainers: [deaf("s", { restartPolicy: "Always" })],
	}),
	shape(
		"restarts-all",
		[
			lasting("c"),
			witness("t", "sleep 3; [ -f /life/$POD.done ] && sleep 100000; touch /life/$POD.done; exit 42", {
				restartPolicy: "Never",
				restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [42] } }],
			}),
		],
		(pod) => isReady(pod) || hasRun(pod),
		{ restartPolicy: "Never", initContainers: [witness("i", "sleep 1")] },
	),
];
