// Draws at the pace of the screen: however often something changes between two frames, it is shown once. Where a frame
// takes long (a large window, no graphics card), the screen gets as long for itself before the next one, so that keys
// and scrolling are answered however fast a run moves.

/** A hidden window draws no frames; what it holds is brought up to date at this pace instead. */
const hiddenMs = 200;
/** A frame that took no longer than this costs nothing that anybody notices. */
const shortMs = 20;
/** The longest that what is shown stays behind for the sake of the screen. */
const restMostMs = 120;

export class NextFrame {
  readonly #draw: () => void;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restsUntil = 0;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  /** Draws at the next frame; asked again before it came, still once. */
  ask(): void {
    if (this.#timer !== undefined) return;
    const rest = this.#restsUntil - performance.now();
    if (rest > 0)
      this.#timer = setTimeout(() => {
        this.atFrame();
      }, rest);
    else this.atFrame();
  }

  stop(): void {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#timer = undefined;
  }

  private atFrame(): void {
    const draw = () => {
      this.stop();
      this.draw();
    };
    this.#timer = setTimeout(draw, hiddenMs);
    this.#frame = requestAnimationFrame(draw);
  }

  private draw(): void {
    const began = performance.now();
    this.#draw();
    // The next frame begins when this one is on the screen.
    requestAnimationFrame(() => {
      const now = performance.now();
      const took = now - began;
      if (took > shortMs) this.#restsUntil = now + Math.min(took, restMostMs);
    });
  }
}
