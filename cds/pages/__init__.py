"""The pages for people: a list of the contests, and the live scoreboard of each for spectators.

Plain HTML, CSS and modules of script, without a build step; what they show comes from the Contest API as anybody
could ask it. Nothing here may know more of a contest than the public is shown.
"""
