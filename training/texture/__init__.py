"""How the networks of stage 4 are made: what a photo cannot show, the open mouth and the closed lids."""
