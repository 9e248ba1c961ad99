"""The program inside the sandbox: the control process (P1), the zygote (Z), submissions (S) and the judge (J).

Standard library only: the server sends this source in when a slot starts, so that images need nothing but Python.
"""
