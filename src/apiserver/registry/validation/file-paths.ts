/**
 * Paths of files in volumes and their modes. Source: validateLocalDescendingPath, ValidateLocalNonReservedPath and
 * validatePathNoBacksteps in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS } from "./primitives.ts";

const FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive";

/** No `..` among the path's elements. */
export function validateNoBacksteps(value: string, path: string): FieldErrors {
	return value.split("/").includes("..") ? [fieldInvalid(path, value, "must not contain '..'")] : NO_ERRORS;
}

/** A path that leads down from where it starts. */
export function validateDescendingPath(value: string, path: string): FieldErrors {
	const absolute = value.startsWith("/") ? [fieldInvalid(path, value, "must be a relative path")] : NO_ERRORS;
	return [...absolute, ...validateNoBacksteps(value, path)];
}

/** The same, and not one of the names that kubelet keeps for itself: `..data`. */
export function validateFilePath(value: string | undefined, path: string): FieldErrors {
	const text = value ?? "";
	const isReserved = text.startsWith("..") && !text.startsWith("../");
	return [...validateDescendingPath(text, path), ...(isReserved ? [fieldInvalid(path, text, "must not start with '..'")] : NO_ERRORS)];
}

/** Permission bits of a file, where they are given. */
export function validateFileMode(mode: number | undefined, path: string): FieldErrors {
	return mode !== undefined && (mode < 0 || mode > 0o777) ? [fieldInvalid(path, mode, FILE_MODE)] : NO_ERRORS;
}
