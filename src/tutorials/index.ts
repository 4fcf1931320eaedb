/**
 * tutorials/: lessons that run on a real cluster of their own.
 *
 *   lessons/  the built-in course: one folder a lesson, data only (docs/writing-lessons.md)
 *   engine/   reads lessons, runs their clusters, checks what learners do; no terminal, no React
 *   kubectl/  what stands in for kubectl where a solution is typed and there is none: a program that knows no cluster but by its API
 *   plain/    a lesson as linear text, for screen readers, logs and CI
 *
 * Invariants: a lesson never touches the user's kubeconfig, nor a cluster of the user's own unless it is asked to (`OwnCluster`); checks are looked at when something happens, not by the clock;
 * what is on disk is complete at any moment.
 */
export { ActionError } from "./engine/action.ts";
export { builtinCourse, Course, CourseError, compareSections, newLesson } from "./engine/course.ts";
export { LessonFileError } from "./engine/file-reader.ts";
export { type OwnCluster, OwnClusterError } from "./engine/own-cluster.ts";
export { ProgressError, ProgressStore, startedSections } from "./engine/progress.ts";
export { LessonSession, type SessionOptions } from "./engine/session.ts";
export { SessionError } from "./engine/session-error.ts";
export { findProgram } from "./engine/shell.ts";
export type { Beside, Surroundings } from "./engine/surroundings.ts";
export { type Language, languageOf } from "./engine/text.ts";
export { verifyLesson } from "./engine/verify.ts";
export { runPlain } from "./plain/plain.ts";
