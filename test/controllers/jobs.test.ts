import { jobLives } from "./lives/jobs.ts";
import { testLives } from "./properties.ts";

testLives(jobLives);
