/** Images' files, as all containers of an image read them: made once, and only read. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { FileSystem, Tree } from "../../host/index.ts";
import type { Image } from "./image.ts";

export class ImageViews {
	readonly #clock: Clock;
	readonly #views = new Map<Image, FileSystem>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	of(image: Image): FileSystem {
		let files = this.#views.get(image);
		if (files === undefined) {
			files = new FileSystem(new Tree({ clock: this.#clock, lower: image.files() }), true);
			this.#views.set(image, files);
		}
		return files;
	}
}
