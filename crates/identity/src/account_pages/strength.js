// How strong a new password is, while it is typed. The service judges; nothing of it is decided here.

import { call } from "./api.js";
import { element } from "./page.js";

const WORDS = ["Very weak", "Weak", "Could be stronger", "Strong", "Very strong"];
// Long enough that not every letter is a question.
const PAUSE = 300;

export function showStrength(input) {
  const [meter, hint] = [element("strength"), element("strength-hint")];
  const before = hint.textContent;
  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => judge(input.value), PAUSE);
  });

  async function judge(password) {
    if (password === "") return describe(null, before);
    try {
      const judged = await call("POST", "/v1/password-strength", { password });
      // Another letter was typed meanwhile: its own answer comes.
      if (password !== input.value) return;
      const advice = [judged.warning, ...(judged.suggestions ?? [])].filter(Boolean);
      const verdict = judged.acceptable ? WORDS[judged.score] : "Not strong enough";
      describe(judged.score, [verdict, ...advice].map((text) => text.replace(/\.?$/, ".")).join(" "));
    } catch {
      // The password is judged again when it is sent.
      describe(null, before);
    }
  }

  function describe(score, text) {
    if (score === null) delete meter.dataset.score;
    else meter.dataset.score = score;
    hint.textContent = text;
  }
}
