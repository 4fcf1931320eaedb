/** A file that describes no image or registry; the message has every problem on a line of its own. */
export class ImageFileError extends Error {
	override readonly name = "ImageFileError";
}
