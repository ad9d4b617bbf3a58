"""The page in the building: for the installer in the meter room, also without internet."""
