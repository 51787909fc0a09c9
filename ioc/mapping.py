"""From a source's own field names to a reading: one mapping, used by every adapter whose source has records.

Settings (TOML, within a source's table)::

    id = "id"                       # or a list of fields; joined with "/"
    prefix = "cam/"                 # put before the subject
    time = {path = "last_refreshed", form = "%d/%m/%Y %H:%M"}   # or time = "updated"
    lon = "location.lng"            # dots step into objects
    lat = "location.lat"
    crs = 5899                      # EPSG code of lon/lat (x/y); 4326 when left out
    geometry = "geom"               # a GeoJSON geometry instead of lon/lat
    unit = "ward_code"
    volatile = ["image"]            # properties that are carried but don't count as a change
    [sources.x.properties]
    name = "label"
    state = {path = "verification_status", values = {success = "live", error = "down"}}
"""
