/**
 * Lifecycle hooks: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 * Unlike a probe, a hook over HTTP is content with any answer. Texts are those of pkg/kubelet/lifecycle/handlers.go.
 */
import type { HTTPGetAction, LifecycleHandler } from "../../apimachinery/schema/generated/types.ts";
import { type ActionTarget, PortError, podText, portOf } from "./action-target.ts";
import { runCommand } from "./probe-action.ts";
import { getOverHttp, ProbeError } from "./probe-http.ts";

export interface HookTarget extends ActionTarget {
	/** A hook over HTTPS was answered over HTTP alone. */
	readonly onHttpFallback: (host: string) => void;
}

/** A hook without an end of its own: a day. */
const maxHookMs = 86_400_000;

/**
 * Runs a hook. @returns why it failed, or undefined; never rejects
 * @param sleepLimitMs of a hook that sleeps
 */
export async function runHook(hook: LifecycleHandler, target: HookTarget, sleepLimitMs: number): Promise<string | undefined> {
	const { exec, httpGet, sleep } = hook;
	if (exec !== undefined) return runExec(exec.command ?? [], target);
	if (httpGet !== undefined) return runHttp(httpGet, target);
	if (sleep !== undefined) {
		await new Promise<void>((resolve) => target.clock.setTimeout(resolve, Math.min(sleep.seconds * 1000, sleepLimitMs)));
		return undefined;
	}
	// tcpSocket is kept for old manifests, and no kubelet can run it.
	return `Cannot run handler: invalid handler: ${JSON.stringify(hook)}`;
}

async function runExec(command: readonly string[], target: ActionTarget): Promise<string | undefined> {
	const { exitCode, startError, output, stderr } = await runCommand(command, target, maxHookMs);
	if (exitCode === 0) return undefined;
	const error =
		startError === undefined
			? `command '${command.join(" ")}' exited with ${exitCode}: ${stderr}`
			: `rpc error: code = Unknown desc = ${startError}`;
	return `Exec lifecycle hook ([${command.join(" ")}]) ${of(target)} failed - error: ${error}, message: ${JSON.stringify(output)}`;
}

async function runHttp(action: HTTPGetAction, target: HookTarget): Promise<string | undefined> {
	try {
		await getOverHttp(action, target, maxHookMs);
		return undefined;
	} catch (error) {
		if (!(error instanceof ProbeError || error instanceof PortError)) throw error;
		if (error instanceof ProbeError && error.isPlainAnswer && (await answersPlainly(action, target))) return undefined;
		return `HTTP lifecycle hook (${action.path ?? ""}) ${of(target)} failed - error: ${error.message}`;
	}
}

/** Kubelets before 1.27 took no notice of the scheme: who relied on that is not let down. What may be a secret stays here. */
async function answersPlainly(action: HTTPGetAction, target: HookTarget): Promise<boolean> {
	const { host = target.podIp, httpHeaders = [], port } = action;
	const headers = httpHeaders.filter(({ name }) => name.toLowerCase() !== "authorization");
	try {
		await getOverHttp({ ...action, scheme: "HTTP", httpHeaders: headers }, target, maxHookMs);
		target.onHttpFallback(`${host}:${portOf(port, target.spec)}`);
		return true;
	} catch (error) {
		if (!(error instanceof ProbeError)) throw error;
		return false;
	}
}

function of({ spec, pod }: ActionTarget): string {
	return `for Container ${JSON.stringify(spec.name)} in Pod ${JSON.stringify(podText(pod))}`;
}
