// Shows the requirements for a new password, and its strength while it is typed. The service decides both.

import { call } from "./api.js";
import { element } from "./page.js";

const WORDS = ["Very weak", "Weak", "Could be stronger", "Strong", "Very strong"];
// Milliseconds; long enough that not every key press causes a request.
const PAUSE = 300;

// `about` returns what is known about the owner, in the form that `POST /v1/password-strength` takes.
export function showStrength(input, about = () => ({})) {
  const [meter, hint] = [element("strength"), element("strength-hint")];
  let before = hint.textContent;
  let timer = null;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => judge(input.value), PAUSE);
  });
  input.addEventListener("focus", tellRules);
  input.form.addEventListener("reset", () => describe(null, before));
  tellRules();

  // The minimum length is shown before the person types. It may depend on the link that was opened.
  async function tellRules() {
    const rules = await call("GET", "/v1/password-rules").catch(() => null);
    if (!rules) return;
    const least = about().second_factor ? rules.min_length_with_second_factor : rules.min_length;
    const after = `At least ${least} characters. Three or four unrelated words are easy to remember.`;
    if (hint.textContent === before) hint.textContent = after;
    before = after;
  }

  async function judge(password) {
    if (password === "") return describe(null, before);
    const { known = [], second_factor = false } = about();
    const owner = { known: known.filter(Boolean).map((text) => text.slice(0, 254)), second_factor };
    try {
      const judged = await call("POST", "/v1/password-strength", { password, ...owner });
      // Another key was pressed in the meantime; its response follows.
      if (password !== input.value) return;
      const advice = [judged.warning, ...(judged.suggestions ?? [])].filter(Boolean);
      const verdict = judged.acceptable ? WORDS[judged.score] : "Not strong enough";
      describe(judged.score, [verdict, ...advice].map((text) => text.replace(/\.?$/, ".")).join(" "));
    } catch {
      // The password is checked again when the form is submitted.
      describe(null, before);
    }
  }

  function describe(score, text) {
    if (score === null) delete meter.dataset.score;
    else meter.dataset.score = score;
    hint.textContent = text;
  }
}
