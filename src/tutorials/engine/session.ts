/**
 * A lesson under way: its cluster, the step that the learner is at, and what he may do. It prints nothing and draws nothing: screens, the
 * plain form and `verify` all look at `state`, listen, and call.
 *
 * Invariants: `state` is replaced, never changed; the cluster at the beginning of the present step is on disk before the learner has his
 * turn; what a step needs of the cluster is there when it begins, however the steps before it ended.
 */
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { shellWord } from "../../apimachinery/shell-word.ts";
import { type ActionContext, act } from "./action.ts";
import type { CheckState } from "./check.ts";
import { Checker, seenBy } from "./checker.ts";
import { clockAheadIn } from "./client-ages.ts";
import type { Moment } from "./cluster-run.ts";
import { factsSince, type StepStart } from "./facts.ts";
import type { Check, Lesson, OrderStep, PredictStep, Step, TaskStep } from "./lesson.ts";
import { LessonCluster } from "./lesson-cluster.ts";
import type { OwnCluster } from "./own-cluster.ts";
import { type Progress, ProgressStore, type StepOutcome } from "./progress.ts";
import { writeSecondTerminal } from "./second-terminal.ts";
import { SessionError } from "./session-error.ts";
import type { SessionEvent, SessionState } from "./session-state.ts";
import { type CommandRecord, findProgram, type RunOptions, Shell } from "./shell.ts";
import { type Typist, typeSolution } from "./solution.ts";
import type { Surroundings } from "./surroundings.ts";
import { bringBack, keep, layOut } from "./work-directory.ts";

export interface SessionOptions {
	readonly lesson: Lesson;
	/** Where it is held; default on a cluster of its own. */
	readonly own?: OwnCluster;
	/** Where lessons keep what they keep. */
	readonly stateDirectory: string;
	/** The environment of the learner's commands. */
	readonly env: NodeJS.ProcessEnv;
	readonly random: Random;
	readonly surroundings: Surroundings;
	/** Begin anew, whatever there was. */
	readonly isFresh?: boolean;
	/** Cluster seconds a real second; default the lesson's. */
	readonly speed?: number;
	readonly log?: Logger;
	readonly onProgress?: (text: string) => void;
}

type Listener = (event: SessionEvent) => void;

export class LessonSession {
	readonly cluster: LessonCluster;
	readonly #options: SessionOptions;
	readonly #store: ProgressStore;
	readonly #shell: Shell;
	#state: SessionState;
	#listeners: readonly Listener[] = [];
	#moment: Moment | undefined;
	#start: StepStart | undefined;
	#checker: Checker | undefined;
	#answers: Readonly<Record<string, number>>;
	#hints: Readonly<Record<string, number>>;

	private constructor(options: SessionOptions, store: ProgressStore, cluster: LessonCluster, progress: Progress | undefined) {
		const { lesson, surroundings } = options;
		const env = { ...options.env, ...surroundings.env(store.directory, options.env) };
		this.#options = options;
		this.#store = store;
		this.cluster = cluster;
		this.#answers = progress?.answers ?? {};
		this.#hints = progress?.hints ?? {};
		this.#shell = new Shell({ directory: store.workDirectory, kubeconfigFile: cluster.kubeconfigFile, env });
		writeSecondTerminal(store.terminalFile, { env: this.#shell.env, base: options.env, workDirectory: store.workDirectory });
		this.#state = {
			lesson,
			phase: "preparing",
			stepIndex: 0,
			step: stepAt(lesson, 0),
			outcomes: progress?.outcomes ?? {},
			checks: [],
			hints: [],
			hintsLeft: 0,
			chosen: undefined,
			shuffled: [],
			lastOrder: undefined,
			running: undefined,
			isShowing: false,
			journal: [],
			isKubeconfigBroken: false,
			clockAheadMs: 0,
			hasKubectl: findProgram("kubectl", env) !== undefined,
			secondTerminal: `. ${shellWord(store.terminalFile)}`,
		};
		cluster.subscribe((event) => {
			if (event.type !== "restored") this.#checker?.poke();
		});
	}

	/**
	 * Starts the lesson's cluster, where the learner left it, and begins the step. Rejects with ProgressError, ActionError, OwnClusterError and as
	 * `openCluster`.
	 */
	static async open(options: SessionOptions): Promise<LessonSession> {
		const { lesson, own, stateDirectory, isFresh = false } = options;
		const store = new ProgressStore(stateDirectory, lesson.section);
		store.lock();
		try {
			const kept = isFresh ? undefined : resumable(store.read(), lesson);
			const moment = kept === undefined ? undefined : store.readMoment(kept);
			// The learner's own cluster is as it is.
			const progress = moment === undefined && own === undefined ? undefined : kept;
			if (progress === undefined) layOut(lesson, store.workDirectory);
			const cluster = await LessonCluster.open({
				lesson,
				directory: store.directory,
				surroundings: options.surroundings,
				...(own === undefined ? {} : { own }),
				...(moment === undefined ? {} : { moment }),
				...(progress === undefined ? {} : { port: progress.port }),
				...(options.speed === undefined ? {} : { speed: options.speed }),
				...(options.log === undefined ? {} : { log: options.log }),
				...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
			});
			const session = new LessonSession(options, store, cluster, progress);
			try {
				if (progress === undefined) await session.#actAll(lesson.setup);
				else await session.#repeatCalls(lesson.steps.findIndex(({ id }) => id === progress.step));
				await session.#begin(
					Math.max(
						0,
						lesson.steps.findIndex(({ id }) => id === progress?.step),
					),
					moment,
				);
				return session;
			} catch (error) {
				await cluster.close();
				throw error;
			}
		} catch (error) {
			store.unlock();
			throw error;
		}
	}

	get state(): SessionState {
		return this.#state;
	}

	/** What the learner's commands find in their environment. */
	get env(): NodeJS.ProcessEnv {
		return this.#shell.env;
	}

	/** Where they run. */
	get workDirectory(): string {
		return this.#store.workDirectory;
	}

	subscribe(listener: Listener): () => void {
		this.#listeners = [...this.#listeners, listener];
		return () => {
			this.#listeners = this.#listeners.filter((known) => known !== listener);
		};
	}

	/** Resolves when the condition holds of the state: at once, or after some change. */
	until(condition: (state: SessionState) => boolean): Promise<SessionState> {
		return new Promise((resolve) => {
			const look = () => {
				if (!condition(this.#state)) return;
				stop();
				resolve(this.#state);
			};
			const stop = this.subscribe(look);
			look();
		});
	}

	/** Runs what the learner typed. Resolves when it has ended. Rejects with SessionError while another command runs. */
	async run(command: string, options: RunOptions = {}): Promise<CommandRecord> {
		if (this.#shell.isRunning) throw new SessionError({ zh: "还有一个命令在执行", en: "another command is running" });
		this.#set({ running: command });
		try {
			const record = await this.#shell.run(command, {
				...options,
				onOutput: (text) => {
					this.#tell({ type: "output", text });
					options.onOutput?.(text);
				},
			});
			// Only what fails is worth a look at the file.
			const isKubeconfigBroken = record.exitCode !== 0 && !this.cluster.leadsHere();
			const clockAheadMs = clockAheadIn(record, this.cluster.clock.now(), new WallClock().now());
			this.#set({ journal: [...this.#state.journal, record], isKubeconfigBroken, clockAheadMs });
			this.#checker?.poke();
			return record;
		} finally {
			this.#set({ running: undefined });
		}
	}

	/** Ctrl-C for the command that runs. */
	interrupt(): void {
		this.#shell.interrupt();
	}

	/** Answers a predict step; the first answer counts. @param option from 0 */
	answer(option: number): void {
		const step = this.#openStep("predict");
		if (step.options[option] === undefined)
			throw new SessionError({ zh: `没有选项 ${option + 1}`, en: `there is no option ${option + 1}` });
		this.#answers = { ...this.#answers, [step.id]: option };
		this.#set({ chosen: option });
		this.#finish("done");
	}

	/** Answers an order step. @param order places in `shuffled`, the first event first */
	order(order: readonly number[]): boolean {
		const step = this.#openStep("order");
		const { shuffled } = this.#state;
		if (order.length !== step.items.length || new Set(order).size !== order.length || order.some((place) => shuffled[place] === undefined))
			throw new SessionError({ zh: `${step.items.length} 项各写一次`, en: `an order names each of the ${step.items.length} items once` });
		const inPlace = order.filter((place, index) => shuffled[place] === index).length;
		if (inPlace < order.length) {
			this.#set({ lastOrder: { order, inPlace } });
			return false;
		}
		this.#set({ lastOrder: undefined });
		this.#finish("done");
		return true;
	}

	/** One more hint; undefined if there is none left. */
	hint(): void {
		const { step, hintsLeft } = this.#state;
		if (hintsLeft === 0) return;
		this.#hints = { ...this.#hints, [step.id]: (this.#hints[step.id] ?? 0) + 1 };
		this.#set(this.#hintsOf(step));
		this.#save();
	}

	/** A step that is read is over when the learner says so; of others the next one begins when they are done, and all of a solution was typed. */
	async next(): Promise<void> {
		await this.until(({ isShowing }) => !isShowing);
		const { phase, step, stepIndex, lesson } = this.#state;
		if (phase === "open" && step.kind === "read") this.#finish("done");
		if (this.#state.phase !== "done") throw new SessionError({ zh: "这一步还没有完成", en: "this step is not done yet" });
		if (stepIndex + 1 < lesson.steps.length) await this.#begin(stepIndex + 1);
		else {
			this.#set({ phase: "finished" });
			this.#save();
		}
	}

	/** Types the solution step by step, and waits until the checks hold. Rejects with SessionError if they do not come to. */
	async showMe(): Promise<void> {
		await this.#solve("shown");
	}

	/** Leaves the step out: what it would have done to the cluster is done, so that the next one finds what it needs. */
	async skip(): Promise<void> {
		await this.#solve("skipped");
	}

	/** Takes the cluster, the learner's files and the step back to where the step began. Rejects with SessionError on a cluster of the learner's own. */
	async reset(): Promise<void> {
		const { phase, stepIndex, outcomes, step } = this.#state;
		if (phase === "finished" || phase === "closed")
			throw new SessionError({ zh: "没有可以回到的地方", en: "there is nothing to go back to" });
		if (this.#moment === undefined) {
			await this.cluster.writeKubeconfig();
			this.#set({ isKubeconfigBroken: false });
			throw new SessionError({
				zh: "kubeconfig 已经恢复；你自己的集群不会回退",
				en: "the kubeconfig is put back; a cluster of your own is not",
			});
		}
		this.#stopChecking();
		this.#shell.kill();
		const { [step.id]: _, ...others } = outcomes;
		this.#set({ phase: "preparing", outcomes: others, isKubeconfigBroken: false });
		const moment = this.#moment;
		await this.cluster.restore(moment);
		bringBack(this.#store.keptWorkDirectory, this.#store.workDirectory);
		await this.#repeatCalls(stepIndex);
		await this.#begin(stepIndex, moment);
	}

	/** Ends the cluster and all that runs. What is kept is on disk already. */
	async close(): Promise<void> {
		if (this.#state.phase === "closed") return;
		this.#stopChecking();
		this.#shell.kill();
		this.#set({ phase: "closed" });
		await this.cluster.close();
		this.#store.unlock();
	}

	/** Whether the checks of the present step hold now. */
	async look(): Promise<readonly CheckState[]> {
		return (await this.#checker?.look()) ?? this.#state.checks;
	}

	/** @param moment the cluster is there already, and is kept */
	async #begin(index: number, moment?: Moment): Promise<void> {
		const { lesson, random } = this.#options;
		const step = stepAt(lesson, index);
		this.#stopChecking();
		const shuffled = step.kind === "order" ? shuffle(step.items.length, random) : [];
		this.#set({
			phase: "preparing",
			stepIndex: index,
			step,
			checks: [],
			chosen: undefined,
			lastOrder: undefined,
			shuffled,
			...this.#hintsOf(step),
		});
		this.#moment = moment ?? (await this.cluster.moment());
		if (moment === undefined) {
			if (this.#moment !== undefined) this.#store.writeMoment(this.#moment);
			keep(this.#store.workDirectory, this.#store.keptWorkDirectory);
		}
		this.#save();
		// What has happened by now is before the step; what its beginning does is part of it.
		const checks = checksOf(step);
		this.#start = {
			revision: this.cluster.cluster.apiServer.revision,
			requests: new Set(this.cluster.requests),
			commands: this.#state.journal.length,
			seen: await seenBy(checks, this.cluster.lookout),
		};
		await this.#actAll(step.begin);
		const checker = this.#checkerOf(checks);
		this.#checker = checker;
		const states = (await checker?.look()) ?? [];
		this.#set({ phase: "open", checks: states });
		if (states.length > 0) this.#checked(states);
		// What happened while it looked is looked at, too.
		this.#checker?.poke();
	}

	#checkerOf(checks: readonly Check[]): Checker | undefined {
		const start = this.#start;
		if (checks.length === 0 || start === undefined) return undefined;
		return new Checker({
			checks,
			clock: this.cluster.clock,
			lookout: this.cluster.lookout,
			facts: (check) => factsSince(start, check, { cluster: this.cluster, journal: this.#state.journal }),
			onChecked: (states) => this.#checked(states),
			onError: (error) => this.#options.log?.error("could not look at the checks", { error: String(error) }),
		});
	}

	#checked(checks: readonly CheckState[]): void {
		this.#set({ checks });
		if (this.#state.phase === "open" && checks.every(({ isMet }) => isMet)) this.#finish(this.#state.isShowing ? "shown" : "done");
	}

	async #solve(outcome: StepOutcome): Promise<void> {
		const { step, phase, isShowing } = this.#state;
		if (phase !== "open" || isShowing) throw new SessionError({ zh: "没有可以演示的答案", en: "there is nothing to show" });
		if (step.kind === "predict") this.#set({ chosen: undefined });
		if (!isTask(step)) return this.#finish(outcome);
		this.#set({ isShowing: true });
		try {
			const isDone = await typeSolution(step, this.#typist());
			if (this.#state.step === step && (!isDone || outcome !== "shown")) this.#finish(outcome);
		} finally {
			this.#set({ isShowing: false });
		}
	}

	#typist(): Typist {
		const { solutionEnv } = this.#options.surroundings;
		const env = this.#state.hasKubectl ? undefined : solutionEnv(this.#store.directory, this.env);
		return {
			hasKubectl: env === undefined,
			clock: this.cluster.clock,
			type: async (command) => {
				this.#tell({ type: "typing", command });
				return await this.run(command, env === undefined ? {} : { env });
			},
			look: async () => {
				const checks = await this.look();
				if (this.#state.phase === "open") this.#checked(checks);
			},
			isDone: () => this.#state.phase === "done",
			whenOver: () => this.until(({ phase }) => phase !== "open"),
		};
	}

	#finish(outcome: StepOutcome): void {
		const { step, outcomes } = this.#state;
		this.#stopChecking();
		this.#set({ phase: "done", outcomes: { ...outcomes, [step.id]: outcome } });
		this.#save();
	}

	#openStep<K extends "predict" | "order">(kind: K): Extract<PredictStep | OrderStep, { readonly kind: K }> {
		const { step, phase } = this.#state;
		if (phase !== "open" || step.kind !== kind)
			throw new SessionError({ zh: "这一步要的不是这个", en: "this step asks for something else" });
		return step as Extract<PredictStep | OrderStep, { readonly kind: K }>;
	}

	#hintsOf(step: Step): Pick<SessionState, "hints" | "hintsLeft"> {
		const all = isTask(step) ? step.hints : [];
		const shown = this.#hints[step.id] ?? 0;
		return { hints: all.slice(0, shown), hintsLeft: Math.max(0, all.length - shown) };
	}

	async #actAll(actions: Step["begin"]): Promise<void> {
		for (const action of actions) await act(action, this.#actionContext());
	}

	/** What was done beside the store by the steps before, and is not in its snapshot. */
	async #repeatCalls(before: number): Promise<void> {
		const { lesson } = this.#options;
		const earlier = [...lesson.setup, ...lesson.steps.slice(0, Math.max(0, before)).flatMap(({ begin }) => begin)];
		await this.#actAll(earlier.filter(({ kind }) => kind === "call"));
	}

	#actionContext(): ActionContext {
		const { lookout, clock, methods } = this.cluster;
		return { ...lookout, clock, methods, directory: this.#options.lesson.directory };
	}

	#stopChecking(): void {
		this.#checker?.stop();
		this.#checker = undefined;
	}

	#save(): void {
		const { lesson, phase, step, outcomes } = this.#state;
		const isFinished = phase === "finished";
		this.#store.write({
			version: 1,
			section: lesson.section,
			step: isFinished ? undefined : step.id,
			outcomes,
			answers: this.#answers,
			hints: this.#hints,
			port: this.cluster.port,
			momentMs: this.#moment?.atMs,
			isFinished,
		});
	}

	#set(change: Partial<SessionState>): void {
		this.#state = { ...this.#state, ...change };
		this.#tell({ type: "state" });
	}

	#tell(event: SessionEvent): void {
		for (const listener of this.#listeners) listener(event);
	}
}

function stepAt({ steps, section }: Lesson, index: number): Step {
	const step = steps[index];
	if (step === undefined)
		throw new SessionError({ zh: `${section} 没有第 ${index + 1} 步`, en: `lesson ${section} has no step ${index + 1}` });
	return step;
}

function isTask(step: Step): step is TaskStep {
	return step.kind === "do" || step.kind === "fix" || step.kind === "observe";
}

function checksOf(step: Step): readonly Check[] {
	return isTask(step) ? step.checks : [];
}

/** What is kept is of use if the lesson still has the step, and was not over. */
function resumable(progress: Progress | undefined, lesson: Lesson): Progress | undefined {
	return lesson.steps.some(({ id }) => id === progress?.step) ? progress : undefined;
}

/** Never in the right order. */
function shuffle(count: number, random: Random): readonly number[] {
	const places = Array.from({ length: count }, (_, index) => index);
	for (let index = count - 1; index > 0; index--) {
		const other = random.int(index + 1);
		[places[index], places[other]] = [places[other] ?? 0, places[index] ?? 0];
	}
	return places.every((place, index) => place === index) ? [...places.slice(1), 0] : places;
}
