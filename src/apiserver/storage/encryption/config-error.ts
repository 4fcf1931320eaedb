/** By itself, so that the door of the library needs no cipher. */

/** A configuration that cannot be used. */
export class EncryptionConfigError extends Error {
	override readonly name = "EncryptionConfigError";

	constructor(file: string, why: string) {
		super(`error while loading encryption provider config ${JSON.stringify(file)}: ${why}`);
	}
}
