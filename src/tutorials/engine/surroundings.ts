/**
 * What stands beside a lesson's cluster as beside any other: the commands of `kubesim`, and what they ask a server for. Who starts lessons
 * brings it; the engine does not know how commands find a server.
 */
import type { Cluster } from "../../cluster/index.ts";

/** What can be asked of a cluster beside its API, by names such as `node.stop`. */
export type ControlMethods = Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => unknown>>;

/** Beside one cluster, for as long as it runs. */
export interface Beside {
	readonly methods: ControlMethods;
	close(): Promise<void>;
}

export interface Surroundings {
	/** Put over the environment of the learner's commands. @param directory the lesson's own */
	env(directory: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
	/** Put over that where a solution is typed and there is no kubectl: a program of that name that knows what solutions need. */
	solutionEnv(directory: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
	/** Called with each cluster once it listens, a restored one too. */
	open(cluster: Cluster, place: { readonly directory: string; readonly url: string }): Promise<Beside>;
}

/** Nothing: for tests of what needs no commands. */
export const noSurroundings: Surroundings = {
	env: () => ({}),
	solutionEnv: () => ({}),
	open: async () => ({ methods: {}, close: () => Promise.resolve() }),
};
