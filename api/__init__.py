"""All that answers HTTP. Dials nothing out, and knows neither the workers nor any picture format."""
