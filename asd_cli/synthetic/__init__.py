"""A synthetic set of machine recordings: made from physics and seeds, laid out like the real one.

Start at `generate.generate`; `rendering.render_clip` gives one waveform with the truth about it.
"""
