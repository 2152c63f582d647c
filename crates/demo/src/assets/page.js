// What makes the pages handier where scripts run. Everything works without it.
"use strict";

// Exact times in the reader's own zone, on hover.
for (const time of document.querySelectorAll("main time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) {
    time.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}

// "Copy as curl".
async function copy(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  const label = button.textContent;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const source = button.parentElement.querySelector(".curl code");
    button.textContent = (await copy(source.textContent, source)) ? "Copied" : "Select and copy";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

// The shown code goes into the field.
for (const button of document.querySelectorAll("[data-fill]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const field = document.getElementById("code");
    field.value = button.dataset.fill;
    field.focus();
  });
}

// The wait for the next code.
for (const count of document.querySelectorAll("[data-countdown]")) {
  let left = Number(count.dataset.countdown);
  const tick = setInterval(() => {
    left -= 1;
    count.textContent = `${Math.max(left, 0)} s`;
    if (left <= 0) clearInterval(tick);
  }, 1000);
}

// A form goes out once, and shows that it is on its way.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    event.submitter?.classList.add("busy");
    event.submitter?.setAttribute("aria-busy", "true");
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
  for (const busy of document.querySelectorAll(".busy")) {
    busy.classList.remove("busy");
    busy.removeAttribute("aria-busy");
  }
});

// One open drawer per card is enough; Escape closes it.
for (const drawer of document.querySelectorAll("details.confirm")) {
  drawer.addEventListener("toggle", () => {
    if (!drawer.open) return;
    for (const other of drawer.parentElement.querySelectorAll("details.confirm[open]")) {
      if (other !== drawer) other.open = false;
    }
    drawer.querySelector("input:not([type=hidden])")?.select();
  });
  drawer.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer.open) {
      drawer.open = false;
      drawer.querySelector("summary").focus();
    }
  });
}
