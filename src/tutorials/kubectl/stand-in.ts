/**
 * What stands in for kubectl while a lesson's solution is typed where there is none: a program of that name, on the PATH of that shell
 * alone, which asks the API as kubectl does, by the same kubeconfig.
 *
 * It knows what solutions need, and says of everything else that it does not. Not for learners: what it prints is near kubectl's, not the
 * same (`describe` is YAML and events).
 */
import { isStatusError } from "../../apimachinery/status-error.ts";
import { type KubeconfigAccess, loadKubeconfig } from "../../client/kubeconfig.ts";
import { Api } from "./api.ts";
import { Call, type Streams } from "./call.ts";
import { kubeconfigPath, setCluster, setContext, setCredentials, useContext, view } from "./config.ts";
import { describe, events, get } from "./get.ts";
import { cordon, drain, taint, uncordon } from "./nodes.ts";
import { exec, logs, proxy } from "./pods.ts";
import { history, pause, restart, resume, status, undo } from "./rollout.ts";
import { wait } from "./wait.ts";
import { kubectlWords, UnknownCallError, type Words } from "./words.ts";
import {
	annotate,
	apply,
	create,
	deleteObjects,
	label,
	patch,
	replace,
	run,
	scale,
	setEnv,
	setImage,
	setResources,
	setSelector,
} from "./write.ts";

/** What resolves to a number has that exit code. */
type Verb = (call: Call) => Promise<unknown>;

const verbs: Readonly<Record<string, Verb>> = {
	annotate,
	apply,
	"config set-cluster": setCluster,
	"config set-context": setContext,
	"config set-credentials": setCredentials,
	"config use-context": useContext,
	"config view": view,
	cordon,
	create,
	delete: deleteObjects,
	describe,
	drain,
	events,
	exec,
	get,
	label,
	logs,
	patch,
	proxy,
	replace,
	"rollout history": history,
	"rollout pause": pause,
	"rollout restart": restart,
	"rollout resume": resume,
	"rollout status": status,
	"rollout undo": undo,
	run,
	scale,
	"set env": setEnv,
	"set image": setImage,
	"set resources": setResources,
	"set selector": setSelector,
	taint,
	uncordon,
	wait,
};

/** Resolves to the exit code; what is wrong is said on stderr. Never rejects. */
export async function standIn(argv: readonly string[], env: NodeJS.ProcessEnv, streams: Streams): Promise<number> {
	try {
		const words = kubectlWords(argv);
		const [first = "", second = ""] = words.args;
		const name = Object.hasOwn(verbs, `${first} ${second}`) ? `${first} ${second}` : first;
		const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
		if (verb === undefined) throw new UnknownCallError(words.args.slice(0, 2).join(" "));
		const code = await verb(callOf(words, name.split(" ").length, env, streams));
		return typeof code === "number" ? code : 0;
	} catch (error) {
		streams.stderr.write(`${isStatusError(error) ? `Error from server (${error.reason})` : "error"}: ${messageOf(error)}\n`);
		return 1;
	}
}

function callOf(words: Words, verbLength: number, env: NodeJS.ProcessEnv, streams: Streams): Call {
	const flag = (name: string) => words.flags.get(name)?.at(-1);
	const [verb] = words.args;
	// Of a binding that is created, it is whom it is for.
	const user = verb === "create" ? undefined : flag("user");
	// `config` is about the file, which may not be there yet, and asks nobody.
	const access: KubeconfigAccess =
		verb === "config" ? { server: "https://localhost" } : loadKubeconfig(kubeconfigPath(flag("kubeconfig"), env), flag("context"), user);
	const api = new Api({ ...access, impersonate: flag("as"), userAgent: "kubectl/kubesim" });
	return new Call({ words, api, namespace: access.namespace ?? "default", streams, env }, verbLength);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
