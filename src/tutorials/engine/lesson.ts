/**
 * What a lesson is, as its file says it (lesson-file.ts reads it; docs/writing-lessons.md is for those who write one).
 *
 * A lesson is a folder: `lesson.yaml`, and the manifests that the learner finds in his working directory. Nothing in it is code: what is
 * looked at and what must hold are data (`Check`), so a course of somebody else's can do no more than its commands say.
 */
import type { Program } from "../../apimachinery/cel/index.ts";
import type { Look } from "./look.ts";
import type { Text } from "./text.ts";

export interface Lesson {
	/** The section of the notes that it is about, and its name: `3.3.1`. */
	readonly section: string;
	readonly title: Text;
	/** How long it takes, about. */
	readonly minutes: number;
	/** Where what is named without a namespace is. */
	readonly namespace: string;
	readonly cluster: ClusterSpec;
	/** Done before the first step. */
	readonly setup: readonly Action[];
	readonly steps: readonly Step[];
	/** The lesson's folder, absolute. */
	readonly directory: string;
	/** Files of the folder that the learner gets, relative to it. */
	readonly files: readonly string[];
}

/** The cluster that a lesson runs on. */
export interface ClusterSpec {
	readonly nodes: number;
	/** Cluster seconds a real second, at first. */
	readonly speed: number;
	/** "none": pulls and starts take no time. */
	readonly latency: "usual" | "none";
	/** Members of the store: 1, 3 or 5. */
	readonly storeMembers: number;
	/** As kube-controller-manager's --controllers takes them; default all. */
	readonly controllers?: readonly string[];
	readonly featureGates?: Readonly<Record<string, boolean>>;
	/** What each node is like; default 4 CPUs, 8 GiB, 110 pods. */
	readonly nodeTemplate?: { readonly cpu?: string; readonly memory?: string; readonly pods?: string };
	/** A file that describes images (docs/images.md), relative to the folder. */
	readonly images?: string;
}

/** What the engine itself does to the cluster: see action.ts. */
export type Action =
	| { readonly kind: "apply"; readonly file: string }
	| { readonly kind: "delete"; readonly look: Look }
	| { readonly kind: "until"; readonly looks: ReadonlyMap<string, Look>; readonly that: Program; readonly source: string }
	| { readonly kind: "call"; readonly method: string; readonly params: Readonly<Record<string, unknown>> };

export type Step = ReadStep | PredictStep | OrderStep | TaskStep;

interface StepBase {
	/** Unique in its lesson; progress is kept by it. */
	readonly id: string;
	readonly title: Text;
	/** Markdown. */
	readonly text: Text;
	/** Done when the step begins, and again after a reset: what breaks, or begins to unfold. */
	readonly begin: readonly Action[];
}

export interface ReadStep extends StepBase {
	readonly kind: "read";
}

/** Answer before you look. */
export interface PredictStep extends StepBase {
	readonly kind: "predict";
	readonly options: readonly PredictOption[];
}

export interface PredictOption {
	readonly text: Text;
	readonly isRight: boolean;
	/** Why it is right, or what is wrong about it. */
	readonly why: Text;
}

/** Put events in sequence. */
export interface OrderStep extends StepBase {
	readonly kind: "order";
	/** In the right order. */
	readonly items: readonly Text[];
	/** Said when the order is right. */
	readonly why: Text;
}

/**
 * do: a command or a manifest. fix: something was broken at its beginning. observe: watch something unfold; it may need no command.
 * All three are done when every check holds at once.
 */
export interface TaskStep extends StepBase {
	readonly kind: "do" | "fix" | "observe";
	readonly checks: readonly Check[];
	/** As a learner would type it, a command line each. */
	readonly solution: readonly string[];
	readonly wrong: readonly WrongAnswer[];
	/** From a nudge to nearly all. */
	readonly hints: readonly Text[];
	/** Said when it is done. */
	readonly why: Text | undefined;
}

export interface WrongAnswer {
	/** Why somebody may try it. */
	readonly idea: Text;
	readonly run: readonly string[];
}

/** A predicate over what there is and what has happened since the step began. */
export interface Check {
	readonly expected: Text;
	/** What is looked at, by the names that expressions give it. */
	readonly looks: ReadonlyMap<string, Look>;
	readonly that: Program;
	/** It has to hold for so long, cluster ms; 0: once is enough. */
	readonly lastingMs: number;
	/** What to say of what was seen instead; the first whose condition holds. */
	readonly saw: readonly Remark[];
	/** As it stands in the file, for those who look into lessons. */
	readonly source: string;
}

export interface Remark {
	/** Undefined: always. */
	readonly when: Program | undefined;
	readonly say: Readonly<Record<keyof Text, Template>>;
}

/** A text with values in it: parts of text and of expressions in turn. */
export type Template = readonly (string | Program)[];

/** Names that every expression may use, besides those of its looks. */
export const builtinVariables = ["start", "changes", "requests", "commands", "now"] as const;
