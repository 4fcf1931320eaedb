/**
 * A course: a folder of lessons, one folder each. The built-in one is data beside the code, read when somebody learns: a start of a
 * cluster pays nothing for it. A teacher's own has the same form.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lesson } from "./lesson.ts";
import { type LessonHead, lessonFileName, readLesson, readLessonHead, sectionName } from "./lesson-file.ts";

/** There is no such course, or no such lesson in it. */
export class CourseError extends Error {
	override readonly name = "CourseError";
}

export class Course {
	readonly directory: string;

	/** Throws CourseError for a folder that holds no lesson. */
	constructor(directory: string) {
		this.directory = directory;
		if (!existsSync(directory)) throw new CourseError(`there is no folder ${directory}`);
		if (this.folders().length === 0) throw new CourseError(`${directory} holds no lesson: a lesson is a folder with a ${lessonFileName}`);
	}

	/** Of the lessons, in the order of their sections. */
	folders(): readonly string[] {
		return readdirSync(this.directory)
			.filter((name) => !name.startsWith(".") && existsSync(join(this.directory, name, lessonFileName)))
			.sort(compareSections);
	}

	/** Throws LessonFileError. */
	heads(): readonly LessonHead[] {
		return this.folders().map((name) => readLessonHead(join(this.directory, name)));
	}

	/** Throws CourseError if there is none, and LessonFileError. */
	lesson(section: string): Lesson {
		const folder = this.folders().find((name) => name === section) ?? this.#folderOf(section);
		if (folder === undefined) throw new CourseError(`there is no lesson ${section}; there are ${this.folders().join(", ")}`);
		return readLesson(join(this.directory, folder));
	}

	/** A folder may have another name than its section. */
	#folderOf(section: string): string | undefined {
		return this.folders().find((name) => readLessonHead(join(this.directory, name)).section === section);
	}
}

/** The built-in lessons: in `lessons` beside this folder in the sources, and beside the folder of chunks once it is built. */
export function builtinCourse(): Course {
	return new Course(builtinDirectory);
}

const builtinDirectory = fileURLToPath(new URL("../lessons", import.meta.url));

/**
 * Makes the folder of a lesson to begin with, which is right as it is and to be changed. @returns its file.
 * @param course made if it is not there. Throws CourseError for a section that there is, or a name that no folder can have
 */
export function newLesson(section: string, course: string): string {
	if (!sectionName.test(section)) throw new CourseError(`a lesson is called by letters, digits, dots and dashes, not ${section}`);
	const folder = join(course, section);
	if (existsSync(folder)) throw new CourseError(`there is ${folder} already`);
	mkdirSync(folder, { recursive: true });
	const template = readFileSync(join(builtinDirectory, ".template", lessonFileName), "utf8");
	const file = join(folder, lessonFileName);
	writeFileSync(file, template.replace(/^section: \S+/, `section: ${JSON.stringify(section)}`));
	return file;
}

/** By their numbers: 3.3.10 comes after 3.3.9. */
export function compareSections(a: string, b: string): number {
	return sectionOrder.compare(a, b);
}

const sectionOrder = new Intl.Collator("en", { numeric: true });
